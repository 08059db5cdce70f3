using System.Runtime.Intrinsics;
using Fathom.Kernels.MatrixProducts.Assembled;
using Fathom.Kernels.MatrixProducts.Portable;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>
/// Q6_K weights. Packed block of 16 rows x 256 columns: half d[16]; int8 scales [8 pairs of sub-blocks of 16, 16 rows, 2];
/// lower four bits as nibbles [32 eights, 16 rows, 4]; upper two bits [16 sub-blocks, 16 rows, 4], where bits 2j and 2j + 1 of
/// byte i belong to column 4j + i of the sub-block.
/// </summary>
internal sealed unsafe class Q6KPanels : WeightMatrix
{
    public const int PackedScales = 32;
    public const int PackedNibbles = PackedScales + 256;
    public const int PackedHigh = PackedNibbles + 2048;

    /// <summary>The same as in the file.</summary>
    public const int PackedBlockBytes = PackedHigh + 1024;

    // Single d[16]; int16 scales [16 sub-blocks, 16, the same twice]; bytes [64 fours, 16, 4].
    public const int UnpackedScales = 64;
    public const int UnpackedBytes = UnpackedScales + 1024;
    public const int UnpackedBlockBytes = UnpackedBytes + 4096;

    private static readonly DotKernel? _dots = DotKernel.Create((tokens, askers) => new Q6KAssembly(tokens, askers));

    public Q6KPanels(in WeightShape shape)
        : base(shape)
    {
    }

    private protected override DotKernel? Dots => _dots;

    private protected override ActivationForms Form => ActivationForms.Narrow256;

    private protected override ActivationForms? PortableForm => ActivationForms.Narrow256;

    private protected override int ChunkColumns => 512;

    private protected override void MultiplyScalar(int panel, in Activations x, int token, float* sums)
    {
        var (tile, slot) = (token / Activations.TileTokens, token % Activations.TileTokens);
        for (var b = 0; b < Columns / 256; b++)
        {
            var block = Block(panel, b);
            var at = SuperTokens.At(x, tile, b * 256);
            for (var lane = 0; lane < PanelRows; lane++)
            {
                var sum = 0;
                for (var k = 0; k < 256; k++)
                {
                    var low = block[PackedNibbles + k / 8 * 64 + lane * 4 + k % 4] >> k / 4 % 2 * 4 & 15;
                    var high = block[PackedHigh + k / 16 * 64 + lane * 4 + k % 4] >> k / 4 % 4 * 2 & 3;
                    var scale = (sbyte)block[PackedScales + k / 32 * 32 + lane * 2 + k / 16 % 2];
                    sum += scale * ((low | high << 4) - 32) * at.Values[k / 4 * 16 + slot * 4 + k % 4];
                }
                sums[lane] += sum * ((float)((Half*)block)[lane] * at.Scales[slot]);
            }
        }
    }

    private protected override void MultiplyPortable(int panel, in Activations x, int token, int column, int columns, float* sums)
    {
        var (tile, slot) = (token / Activations.TileTokens, token % Activations.TileTokens);
        PortableRows.MultiplyQ6K(Block(panel, column / 256), columns / 256, x.DotsAt(ActivationForms.Narrow256, tile, column), slot, sums);
    }

    private protected override void MultiplyPacked(int panel, in Activations x, int tile, int tokens, float* sums)
    {
        if (tokens == 1)
            Q6KTiles.Multiply1<PackedQ6K>(Block(panel, 0), Columns / 256, SuperTokens.At(x, tile, 0), sums);
        else
            Q6KTiles.Multiply4<PackedQ6K>(Block(panel, 0), Columns / 256, SuperTokens.At(x, tile, 0), sums);
    }

    private protected override byte* Unpack(int panel, int column, int columns, byte* target)
    {
        for (var b = 0; b < columns / 256; b++)
            UnpackBlock(Block(panel, column / 256 + b), target + b * UnpackedBlockBytes);
        return target;
    }

    private protected override void MultiplyUnpacked(byte* unpacked, in Activations x, int tile, int column, int columns, float* sums) =>
        Q6KTiles.Multiply4<UnpackedQ6K>(unpacked, columns / 256, SuperTokens.At(x, tile, column), sums);

    private protected override void MultiplyPair(
        int panel, in Activations x, int firstTile, int tiles, int column, int columns, float* sums)
    {
        // Unpacked in registers: a tile of 32 rows and four tokens reads a weight once for 128 products, and what is packed fits the cache better.
        for (var tile = 0; tile < tiles; tile++, sums += Activations.TileTokens * PanelRows)
        {
            PrefetchNext(panel, column + ChunkColumns, tile, tiles);
            Q6KTiles512.Multiply4(
                Block(panel, column / 256), Block(panel + 1, column / 256), columns / 256, SuperTokens.At(x, firstTile + tile, column), sums, sums + PanelSums);
        }
    }

    private static void UnpackBlock(byte* block, byte* target)
    {
        for (var half = 0; half < 2; half++)
        {
            PackedQ6K.LoadFactor(block, half).Store((float*)target + half * 8);
            for (var sub = 0; sub < 16; sub++)
            {
                PackedQ6K.LoadScales(block, sub, half).Store((short*)(target + UnpackedScales) + sub * 32 + half * 16);
                PackedQ6K.Load(block, sub, half, out var w0, out var w1, out var w2, out var w3);
                var at = target + UnpackedBytes + sub * 256 + half * 32;
                w0.Store(at);
                w1.Store(at + 64);
                w2.Store(at + 128);
                w3.Store(at + 192);
            }
        }
    }

    private byte* Block(int panel, int block) => Packed + ((long)panel * (Columns / 256) + block) * PackedBlockBytes;

    internal readonly struct Packer : IBlockPacker
    {
        public static int Columns => 256;

        public static int SourceBytes => 210;

        public static int PackedBytes => PackedBlockBytes;

        public static void Pack(byte* source, long rowBytes, int rows, byte* target)
        {
            for (var lane = 0; lane < rows; lane++)
                PackRow(source + lane * rowBytes, lane, target);
        }

        /// <summary>The file's half h of 128 columns: ql[64] and qh[32]; row r of 32 columns is ql[r % 2 * 32..] at shift r / 2 * 4.</summary>
        private static void PackRow(byte* source, int lane, byte* target)
        {
            ((short*)target)[lane] = *(short*)(source + 208);
            for (var sub = 0; sub < 16; sub++)
                target[PackedScales + sub / 2 * 32 + lane * 2 + sub % 2] = source[192 + sub];
            for (var row = 0; row < 8; row++)
            {
                var (half, inHalf) = (row / 4, row % 4);
                NibbleBytes.Interleave(
                    (uint*)(source + half * 64 + inHalf % 2 * 32), inHalf / 2 * 4, 4, (uint*)(target + PackedNibbles + row * 256) + lane);
                var high = (uint*)(source + 128 + half * 32);
                for (var sub = 0; sub < 2; sub++)
                {
                    var word = 0u;
                    for (var j = 0; j < 4; j++)
                        word |= (high[sub * 4 + j] >> inHalf * 2 & 0x0303_0303) << 2 * j;
                    ((uint*)(target + PackedHigh + (row * 2 + sub) * 64))[lane] = word;
                }
            }
        }
    }
}
