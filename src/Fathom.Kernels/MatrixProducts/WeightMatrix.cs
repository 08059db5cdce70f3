using Fathom.Kernels.Formats;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>A weight matrix W [rows = outputs, columns = inputs], repacked for multiplication; y = x·Wᵀ.</summary>
/// <remarks>
/// Whoever packs it owns it. Immutable, so any number of threads may multiply with it until it is disposed.
/// Inside: panels of 16 rows, one SIMD lane a row, so that no kernel sums across lanes.
/// </remarks>
public abstract unsafe class WeightMatrix : IDisposable
{
    /// <summary>Rows of a panel.</summary>
    internal const int PanelRows = 16;

    /// <summary>Most tokens of one block of work, and so of the sums in a worker's scratch.</summary>
    internal const int BlockTokensMax = 256;

    /// <summary>Room for one unpacked chunk in a worker's scratch.</summary>
    internal const int UnpackedBytesMax = 48 << 10;

    /// <summary>Scratch of one worker: sums [256 tokens, 16 rows], then an unpacked chunk.</summary>
    internal const int ScratchBytes = BlockTokensMax * PanelRows * sizeof(float) + UnpackedBytesMax;

    // Up to two tiles, unpacking in registers costs less than a pass through scratch.
    private const int DirectTokensMax = 2 * Activations.TileTokens;

    private readonly NativeBuffer _packed;

    private protected WeightMatrix(TensorType type, int rows, int columns, NativeBuffer packed)
    {
        Type = type;
        Rows = rows;
        Columns = columns;
        _packed = packed;
    }

    /// <summary>The type the values came in.</summary>
    public TensorType Type { get; }

    /// <summary>Outputs.</summary>
    public int Rows { get; }

    /// <summary>Inputs.</summary>
    public int Columns { get; }

    /// <summary>Bytes of native memory held.</summary>
    public long Bytes => _packed.Length;

    internal int Panels => PanelsOf(Rows);

    /// <summary>The activations its kernels read.</summary>
    internal abstract ActivationForms Form { get; }

    /// <summary>Columns that are unpacked at once; a whole number of blocks.</summary>
    private protected abstract int ChunkColumns { get; }

    private protected byte* Packed => _packed.Pointer;

    /// <summary>Copies a matrix into the layout that multiplies fastest on this machine.</summary>
    /// <param name="type">Type of the source's blocks.</param>
    /// <param name="rows">Outputs, at least 1.</param>
    /// <param name="columns">Inputs, at least 1; a whole number of the type's blocks.</param>
    /// <param name="source">Exactly rows x columns values, row-major, as a GGUF file stores them; not needed afterwards.</param>
    /// <param name="pool">Shares the copying.</param>
    /// <exception cref="ArgumentException">The shape does not fit the type or the source.</exception>
    public static WeightMatrix Pack(TensorType type, int rows, int columns, NativeView source, ComputePool pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        var bytes = checked(BlockFormat.Get(type).RowBytes(columns) * rows);
        if (source.Length != bytes)
            throw new ArgumentException($"{rows} x {columns} values of {type} take {bytes} bytes, not {source.Length}.", nameof(source));
        return type switch
        {
            TensorType.F32 or TensorType.F16 or TensorType.BF16 => FloatPanels.Pack(type, rows, columns, source, pool),
            TensorType.Q8_0 => Q8Panels.Pack(rows, columns, source, pool),
            TensorType.Q4_0 => Q4Panels.Pack(rows, columns, source, pool),
            TensorType.Q4_K => Q4KPanels.Pack(rows, columns, source, pool),
            TensorType.Q6_K => Q6KPanels.Pack(rows, columns, source, pool),
            _ => DecodedRows.Pack(type, rows, columns, source, pool),
        };
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _packed.Dispose();
        GC.SuppressFinalize(this);
    }

    internal static int PanelsOf(int rows) => (int)(((long)rows + PanelRows - 1) / PanelRows);

    /// <summary>Writes y[tokens, the panel's rows] for tokens from <paramref name="tokenBegin"/> (a tile's first) on.</summary>
    /// <param name="panel">Which 16 rows.</param>
    /// <param name="x">Activations in this matrix's form.</param>
    /// <param name="tokenBegin">A multiple of a tile's tokens.</param>
    /// <param name="tokens">At most <see cref="BlockTokensMax"/>.</param>
    /// <param name="y">[all tokens, rows].</param>
    /// <param name="scratch"><see cref="ScratchBytes"/> of the worker's own.</param>
    /// <param name="level">Instructions to use.</param>
    internal void MultiplyPanel(int panel, in Activations x, int tokenBegin, int tokens, float* y, byte* scratch, SimdLevel level)
    {
        const int tileSums = Activations.TileTokens * PanelRows;
        var sums = (float*)scratch;
        var firstTile = tokenBegin / Activations.TileTokens;
        var tiles = (tokens + Activations.TileTokens - 1) / Activations.TileTokens;
        new Span<float>(sums, tiles * tileSums).Clear();
        if (level == SimdLevel.Scalar)
        {
            for (var t = 0; t < tokens; t++)
                MultiplyScalar(panel, x, tokenBegin + t, sums + t * PanelRows);
        }
        else if (tokens <= DirectTokensMax)
        {
            for (var tile = 0; tile < tiles; tile++)
                MultiplyPacked(panel, x, firstTile + tile, Math.Min(Activations.TileTokens, tokens - tile * Activations.TileTokens), sums + tile * tileSums, level);
        }
        else
        {
            for (var column = 0; column < Columns; column += ChunkColumns)
            {
                var columns = Math.Min(ChunkColumns, Columns - column);
                var unpacked = Unpack(panel, column, columns, scratch + BlockTokensMax * PanelRows * sizeof(float), level);
                for (var tile = 0; tile < tiles; tile++)
                    MultiplyUnpacked(unpacked, x, firstTile + tile, column, columns, sums + tile * tileSums, level);
            }
        }
        StoreSums(sums, panel, tokenBegin, tokens, y);
    }

    /// <summary>sums[16] of one token, in plain C#: the twin of all the kernels.</summary>
    private protected abstract void MultiplyScalar(int panel, in Activations x, int token, float* sums);

    /// <summary>Adds to sums[4, 16] the product of a tile's first <paramref name="tokens"/> tokens with the packed panel.</summary>
    private protected abstract void MultiplyPacked(int panel, in Activations x, int tile, int tokens, float* sums, SimdLevel level);

    /// <summary>Spreads a chunk of a panel into the form that the tile kernel reads fastest; returns where it is.</summary>
    private protected abstract byte* Unpack(int panel, int column, int columns, byte* target, SimdLevel level);

    /// <summary>Adds to sums[4, 16] the product of a tile with an unpacked chunk.</summary>
    private protected abstract void MultiplyUnpacked(
        byte* unpacked, in Activations x, int tile, int column, int columns, float* sums, SimdLevel level);

    private void StoreSums(float* sums, int panel, int tokenBegin, int tokens, float* y)
    {
        var lanes = Math.Min(PanelRows, Rows - panel * PanelRows);
        for (var t = 0; t < tokens; t++)
        {
            // SAFETY: y holds all tokens' rows (checked by MatrixProduct); lanes stop at the last row.
            new ReadOnlySpan<float>(sums + t * PanelRows, lanes).CopyTo(
                new Span<float>(y + (long)(tokenBegin + t) * Rows + panel * PanelRows, lanes));
        }
    }
}
