namespace Fathom.Serving.Sampling;

/// <summary>What one choice's draws depend on besides the logits.</summary>
/// <remarks>Owned by one sequence; one thread.</remarks>
internal sealed class DrawState
{
    private readonly ReadOnlyMemory<int> _prompt;
    private readonly bool _penalizes;
    private TokenHistory? _history;

    /// <param name="parameters">The request's parameters, checked.</param>
    /// <param name="seed">The request's seed, or one drawn for it.</param>
    /// <param name="choice">Which choice of the request.</param>
    /// <param name="prompt">The prompt's tokens; must not change.</param>
    public DrawState(SamplingParameters parameters, ulong seed, int choice, ReadOnlyMemory<int> prompt)
    {
        Parameters = parameters;
        Seed = seed;
        Choice = choice;
        _prompt = prompt;
        _penalizes = parameters.RepetitionPenalty != 1 || parameters.PresencePenalty != 0 || parameters.FrequencyPenalty != 0;
    }

    public SamplingParameters Parameters { get; }

    public ulong Seed { get; }

    public int Choice { get; }

    /// <summary>Tokens generated so far.</summary>
    public int Generated { get; private set; }

    /// <summary>Made at the first draw, so that requests that wait hold none.</summary>
    private TokenHistory? History => _penalizes ? _history ??= new TokenHistory(_prompt.Span) : null;

    /// <summary>Counts a generated token.</summary>
    public void Add(int token)
    {
        Generated++;
        History?.Add(token);
    }

    /// <summary>Applies logit bias and penalties to a row.</summary>
    public void Adjust(Span<float> logits)
    {
        if (Parameters.LogitBias is { } bias)
        {
            foreach ((int token, float value) in bias)
                logits[token] += value;
        }

        History?.Penalize(logits, Parameters);
    }

    /// <summary>The random number of the next token, in [0, 1).</summary>
    public double NextUniform() => Philox.Uniform(Seed, (uint)Choice, (uint)Generated);
}
