using Fathom.Memory;
using Fathom.Models.Architectures;

namespace Fathom.Models.Execution;

/// <summary>Activations of one forward pass: flat rows, one per token. Grows to the largest batch and stays.</summary>
/// <remarks>Owned by its model; used by one forward pass at a time.</remarks>
internal sealed class Workspace(ModelConfig config) : IDisposable
{
    // Growing in steps spares reallocation while batches of a warming server still get larger.
    private const int TokensStep = 64;

    private readonly int _hidden = config.HiddenSize;
    private readonly int _query = config.Heads * config.HeadSize;
    private readonly int _key = config.KvHeads * config.HeadSize;
    private readonly int _inner = config.FeedForwardSize;
    private NativeBuffer _memory = NativeBuffer.Allocate(0);
    private int _capacity;
    private int _tokens;

    /// <summary>The residual stream [tokens, hidden].</summary>
    public Span<float> Residual => Rows(0, _hidden);

    /// <summary>Input of the next projection [tokens, hidden].</summary>
    public Span<float> Normed => Rows(_hidden, _hidden);

    /// <summary>What a half of a block adds to the residual stream [tokens, hidden].</summary>
    public Span<float> Delta => Rows(2L * _hidden, _hidden);

    /// <summary>[tokens, heads · head size].</summary>
    public Span<float> Query => Rows(3L * _hidden, _query);

    /// <summary>[tokens, kv heads · head size].</summary>
    public Span<float> Key => Rows(3L * _hidden + _query, _key);

    /// <summary>[tokens, kv heads · head size].</summary>
    public Span<float> Value => Rows(3L * _hidden + _query + _key, _key);

    /// <summary>Result of attention [tokens, heads · head size].</summary>
    public Span<float> Attended => Rows(3L * _hidden + _query + 2L * _key, _query);

    /// <summary>[tokens, feed-forward size]; the activation's result as well.</summary>
    public Span<float> Gate => Rows(3L * _hidden + 2L * _query + 2L * _key, _inner);

    /// <summary>[tokens, feed-forward size].</summary>
    public Span<float> Up => Rows(3L * _hidden + 2L * _query + 2L * _key + _inner, _inner);

    /// <summary>Makes every buffer <paramref name="tokens"/> rows long. Contents survive when the number falls.</summary>
    public void Resize(int tokens)
    {
        if (tokens > _capacity)
        {
            int capacity = checked((tokens + TokensStep - 1) / TokensStep * TokensStep);
            long width = 3L * _hidden + 2L * _query + 2L * _key + 2L * _inner;
            var larger = NativeBuffer.Allocate(checked(capacity * width * sizeof(float)));
            _memory.Dispose();
            _memory = larger;
            _capacity = capacity;
        }

        _tokens = tokens;
    }

    public void Dispose() => _memory.Dispose();

    private Span<float> Rows(long widthBefore, int width) =>
        _memory.AsSpan<float>(_capacity * widthBefore * sizeof(float), checked(_tokens * width));
}
