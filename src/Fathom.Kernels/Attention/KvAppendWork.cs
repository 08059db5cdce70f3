using Fathom.Kernels.Normalization;
using Fathom.Kernels.Parallelism;

namespace Fathom.Kernels.Attention;

/// <summary>New tokens of one sequence that fall into one block: what one worker prepares and stores.</summary>
internal readonly record struct AppendItem(int Token, int Tokens, int Block, int Slot);

/// <summary>Norm and rotation of new queries and keys, and storing of keys and values, over blocks.</summary>
internal readonly unsafe ref struct KvAppendWork : IParallelWork
{
    public required KvStorage Kv { get; init; }

    public required int Layer { get; init; }

    public required int Heads { get; init; }

    public required bool UseVectors { get; init; }

    public required ReadOnlySpan<AppendItem> Items { get; init; }

    public required QueryKeyTransform Transform { get; init; }

    /// <summary>Queries [tokens, heads, headDim], or null when they are not to be touched.</summary>
    public required float* Queries { get; init; }

    /// <summary>Keys [tokens, kvHeads, headDim].</summary>
    public required float* Keys { get; init; }

    /// <summary>Values [tokens, kvHeads, headDim].</summary>
    public required float* Values { get; init; }

    /// <inheritdoc/>
    public void Execute(int begin, int end, int worker)
    {
        for (var i = begin; i < end; i++)
        {
            ref readonly var item = ref Items[i];
            for (var t = 0; t < item.Tokens; t++)
                TransformToken(item.Token + t);
            // Head by head, so that a tile's lines stay in cache while its tokens are written across them.
            for (var head = 0; head < Kv.KvHeads; head++)
            {
                var tile = Kv.Tile(Layer, item.Block, head);
                for (var t = 0; t < item.Tokens; t++)
                {
                    // SAFETY: the batch's tokens and the spans' lengths were checked before the dispatch.
                    var offset = ((long)(item.Token + t) * Kv.KvHeads + head) * Kv.HeadDim;
                    KvRows.Store(Kv.Layout, tile, item.Slot + t, Keys + offset, Values + offset, UseVectors);
                }
            }
        }
    }

    private void TransformToken(int token)
    {
        var dims = Kv.HeadDim;
        if (Queries != null)
        {
            var floats = Heads * dims;
            TransformHeads(new Span<float>(Queries + (long)token * floats, floats), Transform.QueryNorm, token);
        }
        var keyFloats = Kv.KvHeads * dims;
        TransformHeads(new Span<float>(Keys + (long)token * keyFloats, keyFloats), Transform.KeyNorm, token);
    }

    private void TransformHeads(Span<float> heads, ReadOnlySpan<float> norm, int token)
    {
        if (!norm.IsEmpty)
            RmsNorm.Apply(heads, norm, Transform.NormEpsilon, heads);
        Transform.Rotary?.RotateToken(heads, Kv.HeadDim, token);
    }
}
