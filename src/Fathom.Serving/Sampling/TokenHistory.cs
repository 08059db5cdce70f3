namespace Fathom.Serving.Sampling;

/// <summary>Which tokens a sequence has seen, and how often it generated them: what the penalties need.</summary>
/// <remarks>Owned by one sequence; one thread. Made only for requests with a penalty.</remarks>
internal sealed class TokenHistory
{
    // Token to times generated; 0 for those that only the prompt has.
    private readonly Dictionary<int, int> _generated = [];

    public TokenHistory(ReadOnlySpan<int> prompt)
    {
        foreach (int token in prompt)
            _generated.TryAdd(token, 0);
    }

    /// <summary>A token was generated.</summary>
    public void Add(int token) => _generated[token] = _generated.GetValueOrDefault(token) + 1;

    /// <summary>Applies the repetition penalty, then the presence and frequency penalties.</summary>
    /// <param name="logits">A row over the vocabulary.</param>
    /// <param name="parameters">The penalties.</param>
    public void Penalize(Span<float> logits, SamplingParameters parameters)
    {
        float repetition = parameters.RepetitionPenalty;
        foreach ((int token, int count) in _generated)
        {
            float logit = logits[token];
            logit = logit > 0 ? logit / repetition : logit * repetition;
            if (count > 0)
                logit -= parameters.PresencePenalty + (parameters.FrequencyPenalty * count);
            logits[token] = logit;
        }
    }
}
