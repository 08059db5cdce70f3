namespace Fathom.Kernels.Attention;

/// <summary>Where the keys and values of one head and 16 tokens lie inside their tile.</summary>
/// <remarks>
/// Keys are [headDim][16 tokens], so that one SIMD lane is one token and a score needs no horizontal sum. Values are
/// [16 tokens][valueStride], so that one lane is one output dimension; the stride is headDim rounded up to 16 and the
/// padding stays zero. Q8_0 puts bytes in these shapes, then halves: key scales [groups][16 tokens], value scales
/// [16 tokens][groups], a group being 32 dimensions (the last may be shorter).
/// </remarks>
internal readonly struct KvLayout
{
    public const int BlockTokens = 16;
    public const int GroupDims = 32;

    public KvLayout(KvType type, int headDim)
    {
        Type = type;
        HeadDim = headDim;
        ValueStride = (headDim + 15) & ~15;
        Groups = (headDim + GroupDims - 1) / GroupDims;
        var valueBytes = type switch { KvType.F32 => 4, KvType.F16 => 2, _ => 1 };
        var scaleBytes = type == KvType.Q8_0 ? 2 * Groups * BlockTokens : 0;
        KeyScaleOffset = headDim * BlockTokens * valueBytes;
        ValueOffset = RoundTo64(KeyScaleOffset + scaleBytes);
        ValueScaleOffset = ValueOffset + ValueStride * BlockTokens * valueBytes;
        TileBytes = RoundTo64(ValueScaleOffset + scaleBytes);
    }

    public KvType Type { get; }

    public int HeadDim { get; }

    /// <summary>Values from one token's value row to the next.</summary>
    public int ValueStride { get; }

    /// <summary>Scale groups in a head.</summary>
    public int Groups { get; }

    /// <summary>Bytes from the tile to its key scales.</summary>
    public int KeyScaleOffset { get; }

    /// <summary>Bytes from the tile to its values.</summary>
    public int ValueOffset { get; }

    /// <summary>Bytes from the tile to its value scales.</summary>
    public int ValueScaleOffset { get; }

    /// <summary>Bytes of one head's tile, a multiple of a cache line.</summary>
    public int TileBytes { get; }

    private static int RoundTo64(int bytes) => (bytes + 63) & ~63;
}
