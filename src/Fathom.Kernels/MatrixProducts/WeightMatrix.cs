using Fathom.Kernels.Formats;
using Fathom.Kernels.MatrixProducts.Assembled;
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

    /// <summary>Room for one panel's unpacked chunk in a worker's scratch.</summary>
    internal const int UnpackedBytesMax = 24 << 10;

    /// <summary>Floats of a panel's sums in a worker's scratch: [256 tokens, 16 rows].</summary>
    internal const int PanelSums = BlockTokensMax * PanelRows;

    /// <summary>Scratch of one worker: the sums of two panels, then an unpacked chunk.</summary>
    internal const int ScratchBytes = 2 * PanelSums * sizeof(float) + UnpackedBytesMax;

    // Up to two tiles, unpacking in registers costs less than a pass through scratch.
    private const int DirectTokensMax = 2 * Activations.TileTokens;

    private const int TileSums = Activations.TileTokens * PanelRows;

    private readonly NativeView _packed;
    private readonly NativeBuffer? _owner;

    private protected WeightMatrix(in WeightShape shape)
    {
        Type = shape.Type;
        Rows = shape.Rows;
        Columns = shape.Columns;
        _packed = shape.Packed;
        _owner = shape.Owner;
    }

    /// <summary>Counts up when packed bytes change their meaning: bytes that were kept under another number must be packed again.</summary>
    public static int LayoutVersion => 2;

    /// <summary>The type the values came in.</summary>
    public TensorType Type { get; }

    /// <summary>Outputs.</summary>
    public int Rows { get; }

    /// <summary>Inputs.</summary>
    public int Columns { get; }

    /// <summary>Size of the packed bytes.</summary>
    public long Bytes => _packed.Length;

    /// <summary>The packed bytes, for keeping them: <see cref="FromPacked"/> takes them back. Valid until this is disposed.</summary>
    public NativeView PackedBytes => _packed;

    internal int Panels => PanelsOf(Rows);

    /// <summary>The activations that its kernels of C# read.</summary>
    private protected abstract ActivationForms Form { get; }

    /// <summary>Its assembled kernel; null where there is none.</summary>
    private protected virtual DotKernel? Dots => null;

    /// <summary>The activations that <see cref="MultiplyPortable"/> reads; null where there is none and the scalar twin runs.</summary>
    private protected virtual ActivationForms? PortableForm => null;

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
        var layout = PanelLayout.Of(type);
        var packed = layout.Pack(rows, columns, source, pool);
        return layout.Wrap(new WeightShape(type, rows, columns, packed.View, packed));
    }

    /// <summary>A matrix over bytes that an earlier one packed, without copying them.</summary>
    /// <param name="type">Type that was packed.</param>
    /// <param name="rows">Outputs, at least 1.</param>
    /// <param name="columns">Inputs, at least 1; a whole number of the type's blocks.</param>
    /// <param name="packed">
    /// <see cref="PackedBytes"/> of a matrix of this shape and <see cref="LayoutVersion"/>; stays the caller's and must outlive the matrix. Any
    /// bytes are safe to multiply with: others give other numbers, nothing worse.
    /// </param>
    /// <exception cref="ArgumentException">The shape does not fit the type, or the bytes are not as many as it takes.</exception>
    public static WeightMatrix FromPacked(TensorType type, int rows, int columns, NativeView packed)
    {
        var bytes = PackedSize(type, rows, columns);
        if (packed.Length != bytes)
            throw new ArgumentException($"{rows} x {columns} packed values of {type} take {bytes} bytes, not {packed.Length}.", nameof(packed));
        return PanelLayout.Of(type).Wrap(new WeightShape(type, rows, columns, packed, null));
    }

    /// <summary>Bytes that a packed matrix takes.</summary>
    /// <exception cref="ArgumentException">The shape does not fit the type.</exception>
    public static long PackedSize(TensorType type, int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        _ = BlockFormat.Get(type).RowBytes(columns);
        return PanelLayout.Of(type).PackedBytes(rows, columns);
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _owner?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>The activations that its kernels of a level read.</summary>
    internal ActivationForms FormAt(SimdLevel level) => level switch
    {
        SimdLevel.Vnni when Dots is { } kernel => kernel.Form,
        SimdLevel.Portable => PortableForm ?? Form,
        _ => Form,
    };

    /// <summary>Panels that are multiplied together.</summary>
    internal static int StepPanels(SimdLevel level, int tokens) => level >= SimdLevel.Avx512 && tokens > 1 ? 2 : 1;

    internal static int PanelsOf(int rows) => (int)(((long)rows + PanelRows - 1) / PanelRows);

    /// <summary>Writes y[tokens, the panels' rows] for tokens from <paramref name="tokenBegin"/> (a tile's first) on.</summary>
    /// <param name="panel">Which 16 rows.</param>
    /// <param name="panels">At most <see cref="StepPanels"/>: with 2 the next panel as well.</param>
    /// <param name="x">Activations in this matrix's form.</param>
    /// <param name="tokenBegin">A multiple of a tile's tokens.</param>
    /// <param name="tokens">At most <see cref="BlockTokensMax"/>.</param>
    /// <param name="y">[all tokens, rows].</param>
    /// <param name="scratch"><see cref="ScratchBytes"/> of the worker's own.</param>
    /// <param name="level">Instructions to use.</param>
    internal void MultiplyPanels(
        int panel, int panels, in Activations x, int tokenBegin, int tokens, float* y, byte* scratch, SimdLevel level)
    {
        var sums = (float*)scratch;
        var room = scratch + 2 * PanelSums * sizeof(float);
        var firstTile = tokenBegin / Activations.TileTokens;
        var tiles = (tokens + Activations.TileTokens - 1) / Activations.TileTokens;
        for (var p = 0; p < panels; p++)
            new Span<float>(sums + p * PanelSums, tiles * TileSums).Clear();
        if (level == SimdLevel.Portable && PortableForm is not null)
        {
            MultiplyPortableChunks(panel, x, tokenBegin, tokens, sums);
        }
        else if (level <= SimdLevel.Portable)
        {
            for (var t = 0; t < tokens; t++)
                MultiplyScalar(panel, x, tokenBegin + t, sums + t * PanelRows);
        }
        else if (level == SimdLevel.Vnni && Dots is { } kernel)
        {
            MultiplyDots(kernel, panel, panels, x, firstTile, tokens, sums);
        }
        else if (panels == 2)
        {
            for (var column = 0; column < Columns; column += ChunkColumns)
                MultiplyPair(panel, x, firstTile, tiles, column, Math.Min(ChunkColumns, Columns - column), sums);
        }
        else if (tokens <= DirectTokensMax)
        {
            MultiplyDirectly(panel, x, firstTile, tokens, sums);
        }
        else
        {
            MultiplyChunks(panel, x, firstTile, tiles, sums, room);
        }
        for (var p = 0; p < panels; p++)
            StoreSums(sums + p * PanelSums, panel + p, tokenBegin, tokens, y);
    }

    /// <summary>sums[16] of one token, in plain C#: the twin of all the kernels.</summary>
    private protected abstract void MultiplyScalar(int panel, in Activations x, int token, float* sums);

    /// <summary>Adds to sums[16] the product of one token with a chunk of the packed panel, in vectors of 128 bits.</summary>
    private protected virtual void MultiplyPortable(int panel, in Activations x, int token, int column, int columns, float* sums) =>
        throw new NotSupportedException();

    /// <summary>Adds to sums[4, 16] the product of a tile's first <paramref name="tokens"/> tokens with the packed panel.</summary>
    private protected abstract void MultiplyPacked(int panel, in Activations x, int tile, int tokens, float* sums);

    /// <summary>Spreads a chunk of a panel into the form that the tile kernel reads fastest; returns where it is.</summary>
    private protected abstract byte* Unpack(int panel, int column, int columns, byte* target);

    /// <summary>Adds to sums[4, 16] the product of a tile with an unpacked chunk.</summary>
    private protected abstract void MultiplyUnpacked(byte* unpacked, in Activations x, int tile, int column, int columns, float* sums);

    /// <summary>
    /// Adds to sums[tiles, 4, 16] of this panel and, <see cref="PanelSums"/> after them, of the next the products of tiles with a chunk of both;
    /// AVX-512.
    /// </summary>
    private protected abstract void MultiplyPair(
        int panel, in Activations x, int firstTile, int tiles, int column, int columns, float* sums);

    /// <summary>Asks for a part of the chunk that comes after this one in both panels, or of the next two panels' first.</summary>
    /// <remarks>Few tokens are done with a chunk before the hardware's own prefetch has got hold of the next.</remarks>
    private protected void PrefetchNext(int panel, int nextColumn, int part, int parts)
    {
        if (nextColumn >= Columns)
            (panel, nextColumn) = (panel + 2, 0);
        var panelBytes = Bytes / Panels;
        var chunkBytes = panelBytes * ChunkColumns / Columns;
        var (begin, end) = (chunkBytes * part / parts, chunkBytes * (part + 1) / parts);
        var at = Packed + panel * panelBytes + nextColumn * panelBytes / Columns;
        for (var offset = begin & ~63L; offset < end; offset += 64)
        {
            Streaming.PrefetchLine(at + offset);
            Streaming.PrefetchLine(at + offset + panelBytes);
        }
    }

    /// <summary>A chunk of two panels stays in the first-level cache over all tokens; a last panel without a second stands in for it.</summary>
    private void MultiplyDots(DotKernel kernel, int panel, int panels, in Activations x, int firstTile, int tokens, float* sums)
    {
        var chunkColumns = tokens == 1 ? Columns : kernel.ChunkColumns(Columns);
        var tiles = (tokens + Activations.TileTokens - 1) / Activations.TileTokens;
        var fours = tokens % Activations.TileTokens == 1 ? tiles - 1 : tiles; // a single token left over has a tile of its own kind
        var panelBytes = Bytes / Panels;
        for (var column = 0; column < Columns; column += chunkColumns)
        {
            var blocks = Math.Min(chunkColumns, Columns - column) / kernel.BlockColumns;
            var w = Packed + panel * panelBytes + (long)(column / kernel.BlockColumns) * kernel.BlockBytes;
            for (var tile = 0; tile < tiles; tile++)
            {
                var arguments = x.DotsAt(kernel.Form, firstTile + tile, column);
                arguments.W0 = w;
                arguments.W1 = panels == 2 ? w + panelBytes : w;
                arguments.Blocks = blocks;
                arguments.Sums0 = sums + tile * TileSums;
                arguments.Sums1 = arguments.Sums0 + PanelSums;
                // The chunk that comes next is the one behind this, or the first of the next two panels.
                arguments.Ahead = (long)blocks * kernel.BlockBytes + (column + chunkColumns < Columns ? 0 : panelBytes);
                if (tile == fours)
                    kernel.MultiplyOne(arguments, panels);
                else
                    kernel.MultiplyFour(arguments, tile, fours);
            }
        }
    }

    /// <summary>A chunk of the panel stays in the first-level cache over all tokens.</summary>
    private void MultiplyPortableChunks(int panel, in Activations x, int tokenBegin, int tokens, float* sums)
    {
        var chunkColumns = tokens == 1 ? Columns : ChunkColumns;
        for (var column = 0; column < Columns; column += chunkColumns)
        {
            for (var t = 0; t < tokens; t++)
                MultiplyPortable(panel, x, tokenBegin + t, column, Math.Min(chunkColumns, Columns - column), sums + t * PanelRows);
        }
    }

    /// <summary>Few tokens: weights are unpacked in registers.</summary>
    private void MultiplyDirectly(int panel, in Activations x, int firstTile, int tokens, float* sums)
    {
        for (var t = 0; t < tokens; t += Activations.TileTokens, firstTile++, sums += TileSums)
            MultiplyPacked(panel, x, firstTile, Math.Min(Activations.TileTokens, tokens - t), sums);
    }

    /// <summary>Many tokens: chunks of the weights are unpacked once and stay in the first-level cache over all tokens.</summary>
    private void MultiplyChunks(int panel, in Activations x, int firstTile, int tiles, float* sums, byte* room)
    {
        for (var column = 0; column < Columns; column += ChunkColumns)
        {
            var columns = Math.Min(ChunkColumns, Columns - column);
            var unpacked = Unpack(panel, column, columns, room);
            for (var tile = 0; tile < tiles; tile++)
                MultiplyUnpacked(unpacked, x, firstTile + tile, column, columns, sums + tile * TileSums);
        }
    }

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
