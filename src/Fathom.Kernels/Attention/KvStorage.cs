using Fathom.Memory;

namespace Fathom.Kernels.Attention;

/// <summary>Keys and values of all layers, in blocks of 16 tokens that any sequence may hold.</summary>
/// <remarks>
/// Whoever creates it disposes it. Who holds which block is the caller's business, and so is that nobody reads a block
/// while another writes it. The memory is [layer][block][kvHead] tiles in one native buffer.
/// </remarks>
public sealed unsafe class KvStorage : IDisposable
{
    /// <summary>Tokens in a block.</summary>
    public const int BlockTokens = KvLayout.BlockTokens;

    /// <summary>Changes whenever the same keys and values would give other bytes of a block.</summary>
    public const int LayoutVersion = 1;

    private readonly NativeBuffer _memory;

    /// <summary>Allocates zeroed storage.</summary>
    /// <param name="layers">Transformer layers.</param>
    /// <param name="blocks">Blocks of 16 tokens.</param>
    /// <param name="kvHeads">Key-value heads in each layer.</param>
    /// <param name="headDim">Values in each head; even, at most 1024.</param>
    /// <param name="type">How the values are stored.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count is not positive, or headDim is odd or too large.</exception>
    /// <exception cref="OverflowException">The size does not fit in 63 bits.</exception>
    /// <exception cref="OutOfMemoryException">The system has no such memory.</exception>
    public KvStorage(int layers, int blocks, int kvHeads, int headDim, KvType type)
    {
        var bytes = BytesFor(layers, blocks, kvHeads, headDim, type);
        Layers = layers;
        Blocks = blocks;
        KvHeads = kvHeads;
        Layout = new KvLayout(type, headDim);
        _memory = NativeBuffer.Allocate(bytes);
    }

    /// <summary>Layers stored.</summary>
    public int Layers { get; }

    /// <summary>Blocks of <see cref="BlockTokens"/> tokens.</summary>
    public int Blocks { get; }

    /// <summary>Key-value heads in each layer.</summary>
    public int KvHeads { get; }

    /// <summary>Values in each head.</summary>
    public int HeadDim => Layout.HeadDim;

    /// <summary>How the values are stored.</summary>
    public KvType Type => Layout.Type;

    /// <summary>Size of all blocks.</summary>
    public long Bytes => _memory.Length;

    /// <summary>Size of one block over all layers, as <see cref="ReadBlock"/> gives it.</summary>
    public int BlockBytes => checked(Layers * KvHeads * Layout.TileBytes);

    internal KvLayout Layout { get; }

    /// <summary>Size that a storage of these dimensions would have.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A count is not positive, or headDim is odd or too large.</exception>
    /// <exception cref="OverflowException">The size does not fit in 63 bits.</exception>
    public static long BytesFor(int layers, int blocks, int kvHeads, int headDim, KvType type)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(layers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blocks);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(kvHeads);
        if (headDim is <= 0 or > 1024 || headDim % 2 != 0)
            throw new ArgumentOutOfRangeException(nameof(headDim), headDim, "Head dimensions must be even, from 2 to 1024.");
        if (type is < KvType.F32 or > KvType.Q8_0)
            throw new ArgumentOutOfRangeException(nameof(type), type, "Unknown storage type.");
        return checked((long)layers * blocks * kvHeads * new KvLayout(type, headDim).TileBytes);
    }

    /// <summary>Copies all layers of one block over another.</summary>
    /// <param name="from">Block to copy.</param>
    /// <param name="to">Block to overwrite; the same block is allowed and does nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such block.</exception>
    public void CopyBlock(int from, int to)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)from, (uint)Blocks, nameof(from));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)to, (uint)Blocks, nameof(to));
        var blockBytes = (long)KvHeads * Layout.TileBytes;
        for (var layer = 0; layer < Layers; layer++)
        {
            // SAFETY: block indices were checked, and Tile(layer, block, 0) starts blockBytes that belong to the block.
            Buffer.MemoryCopy(Tile(layer, from, 0), Tile(layer, to, 0), blockBytes, blockBytes);
        }
    }

    /// <summary>Copies all layers of a block out, layer after layer.</summary>
    /// <param name="block">The block.</param>
    /// <param name="destination">Receives <see cref="BlockBytes"/> bytes, the same for the same keys and values in any storage of these dimensions and type.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such block.</exception>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    public void ReadBlock(int block, Span<byte> destination)
    {
        CheckBlockCopy(block, destination.Length);
        for (var layer = 0; layer < Layers; layer++)
            LayerOf(layer, block).CopyTo(destination[(layer * LayerBytes)..]);
    }

    /// <summary>Overwrites all layers of a block with what <see cref="ReadBlock"/> gave.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such block.</exception>
    /// <exception cref="ArgumentException">The source has another length.</exception>
    public void WriteBlock(int block, ReadOnlySpan<byte> source)
    {
        CheckBlockCopy(block, source.Length);
        for (var layer = 0; layer < Layers; layer++)
            source.Slice(layer * LayerBytes, LayerBytes).CopyTo(LayerOf(layer, block));
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _memory.Dispose();

    private int LayerBytes => KvHeads * Layout.TileBytes;

    // SAFETY: callers have checked the block; Tile(layer, block, 0) starts LayerBytes that belong to it and live as long as the storage.
    private Span<byte> LayerOf(int layer, int block) => new(Tile(layer, block, 0), LayerBytes);

    private void CheckBlockCopy(int block, int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)block, (uint)Blocks, nameof(block));
        if (bytes != BlockBytes)
            throw new ArgumentException($"A block takes {BlockBytes} bytes, not {bytes}.", nameof(bytes));
    }

    /// <summary>The tile of one head and block. The caller has checked the indices.</summary>
    internal byte* Tile(int layer, int block, int kvHead) =>
        _memory.Pointer + (((long)layer * Blocks + block) * KvHeads + kvHead) * Layout.TileBytes;
}
