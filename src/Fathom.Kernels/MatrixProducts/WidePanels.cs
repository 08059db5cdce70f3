namespace Fathom.Kernels.MatrixProducts;

/// <summary>Weights that are multiplied as int16: Q8_0, and every type whose values are small integers times a scale.</summary>
/// <typeparam name="TBlocks">How the packed blocks are read.</typeparam>
internal unsafe class WidePanels<TBlocks> : WeightMatrix
    where TBlocks : struct, IWideBlocks
{
    public WidePanels(in WeightShape shape)
        : base(shape)
    {
    }

    private protected override ActivationForms Form => ActivationForms.Wide32;

    private protected override int ChunkColumns => 256;

    private protected override void MultiplyScalar(int panel, in Activations x, int token, float* sums)
    {
        var tokens = WideTokens.At(x, token / Activations.TileTokens, 0);
        for (var lane = 0; lane < PanelRows; lane++)
            sums[lane] = WideTiles.MultiplyScalar<TBlocks>(Block(panel, 0), Columns, tokens, token % Activations.TileTokens, lane);
    }

    private protected override void MultiplyPacked(int panel, in Activations x, int tile, int tokens, float* sums)
    {
        var at = WideTokens.At(x, tile, 0);
        switch (tokens)
        {
            case 1:
                WideTiles.Multiply1<TBlocks>(Block(panel, 0), Columns, at, sums);
                break;
            case 2:
                WideTiles.Multiply2<TBlocks>(Block(panel, 0), Columns, at, sums);
                break;
            default:
                WideTiles.Multiply4<TBlocks>(Block(panel, 0), Columns, at, sums);
                break;
        }
    }

    private protected override byte* Unpack(int panel, int column, int columns, byte* target)
    {
        UnpackedWide<TBlocks>.Spread(Block(panel, column), columns, target);
        return target;
    }

    private protected override void MultiplyUnpacked(byte* unpacked, in Activations x, int tile, int column, int columns, float* sums) =>
        WideTiles.Multiply4<UnpackedWide<TBlocks>>(unpacked, columns, WideTokens.At(x, tile, column), sums);

    private protected override void MultiplyPair(
        int panel, in Activations x, int firstTile, int tiles, int column, int columns, float* sums)
    {
        // Unpacked in registers: a tile of 32 rows and four tokens reads a weight once for 128 products, and what is packed fits the cache better.
        for (var tile = 0; tile < tiles; tile++, sums += Activations.TileTokens * PanelRows)
        {
            PrefetchNext(panel, column + ChunkColumns, tile, tiles);
            WideTiles512.Multiply4<TBlocks>(
                Block(panel, column), Block(panel + 1, column), columns, WideTokens.At(x, firstTile + tile, column), sums, sums + PanelSums);
        }
    }

    /// <summary>The block that holds a column; chunks begin where a block does.</summary>
    private protected byte* Block(int panel, int column) =>
        Packed + ((long)panel * (Columns / TBlocks.BlockColumns) + column / TBlocks.BlockColumns) * TBlocks.BlockBytes;
}
