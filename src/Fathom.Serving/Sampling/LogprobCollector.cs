using Fathom.Serving.Requests;

namespace Fathom.Serving.Sampling;

/// <summary>Log probabilities of the model's own distribution, before any step of sampling.</summary>
/// <remarks>Holds a copy of one row; one thread. Made when the first request asks for log probabilities.</remarks>
internal sealed class LogprobCollector
{
    private readonly float[] _row;
    private double _logSum;

    public LogprobCollector(int vocabularySize) => _row = new float[vocabularySize];

    /// <summary>Keeps a row, which sampling may then overwrite.</summary>
    public void Keep(ReadOnlySpan<float> logits)
    {
        logits.CopyTo(_row);
        _logSum = LogitRow.LogSumExp(_row);
    }

    /// <summary>log p of a token in the kept row.</summary>
    public float LogprobOf(int token) => (float)(_row[token] - _logSum);

    /// <summary>The token with its log probability and the likeliest alternatives of the kept row.</summary>
    /// <param name="token">The token at this place.</param>
    /// <param name="alternatives">How many alternatives to list, best first.</param>
    public EmittedToken Describe(int token, int alternatives)
    {
        if (alternatives == 0)
            return new EmittedToken(token, LogprobOf(token), []);
        Span<int> indices = stackalloc int[SamplingParameters.LogprobsMax];
        int count = TopSelection.Largest(_row, indices[..Math.Min(alternatives, _row.Length)]);
        var top = new TokenLogprob[count];
        for (int i = 0; i < count; i++)
            top[i] = new TokenLogprob(indices[i], LogprobOf(indices[i]));
        Array.Sort(top, static (left, right) =>
            left.Logprob != right.Logprob ? right.Logprob.CompareTo(left.Logprob) : left.Token.CompareTo(right.Token));
        return new EmittedToken(token, LogprobOf(token), top);
    }
}
