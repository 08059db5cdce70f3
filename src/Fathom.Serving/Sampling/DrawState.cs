namespace Fathom.Serving.Sampling;

/// <summary>What one choice's draws depend on besides the logits.</summary>
/// <remarks>Owned by one sequence; one thread.</remarks>
internal sealed class DrawState
{
    private readonly TokenHistory? _history;

    /// <param name="parameters">The request's parameters, checked.</param>
    /// <param name="seed">The request's seed, or one drawn for it.</param>
    /// <param name="choice">Which choice of the request.</param>
    /// <param name="prompt">The prompt's tokens.</param>
    public DrawState(SamplingParameters parameters, ulong seed, int choice, ReadOnlySpan<int> prompt)
    {
        Parameters = parameters;
        Seed = seed;
        Choice = choice;
        if (parameters.RepetitionPenalty != 1 || parameters.PresencePenalty != 0 || parameters.FrequencyPenalty != 0)
            _history = new TokenHistory(prompt);
    }

    public SamplingParameters Parameters { get; }

    public ulong Seed { get; }

    public int Choice { get; }

    /// <summary>Tokens generated so far.</summary>
    public int Generated { get; private set; }

    /// <summary>Counts a generated token.</summary>
    public void Add(int token)
    {
        Generated++;
        _history?.Add(token);
    }

    /// <summary>Applies logit bias and penalties to a row.</summary>
    public void Adjust(Span<float> logits)
    {
        if (Parameters.LogitBias is { } bias)
        {
            foreach ((int token, float value) in bias)
                logits[token] += value;
        }

        _history?.Penalize(logits, Parameters);
    }

    /// <summary>The random number of the next token, in [0, 1).</summary>
    public double NextUniform() => Philox.Uniform(Seed, (uint)Choice, (uint)Generated);
}
