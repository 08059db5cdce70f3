using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Formats;
using Fathom.Kernels.MatrixProducts.Assembled;
using Fathom.Kernels.MatrixProducts.Portable;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>
/// Q4_K weights. Packed block of 16 rows x 256 columns: half d[16], half dmin[16], then for pairs of sub-blocks of 32
/// scales [4, 16 rows, 2] and mins [4, 16 rows, 2] as bytes, then nibbles [32 eights, 16 rows, 4].
/// </summary>
internal sealed unsafe class Q4KPanels : WeightMatrix
{
    // Scales and mins unpacked from 6 to 8 bits: 2.8 % more than in the file.
    public const int PackedBlockBytes = 64 + 128 + 128 + 2048;
    public const int PackedScales = 64;
    public const int PackedMins = PackedScales + 128;
    public const int PackedNibbles = PackedMins + 128;

    // Single d[16] and dmin[16]; int16 mins [4, 16, 2]; int16 scales [8 sub-blocks, 16, the same twice]; bytes [64 fours, 16, 4].
    public const int UnpackedBlockBytes = 128 + 256 + 512 + 4096;
    public const int UnpackedMins = 128;
    public const int UnpackedScales = UnpackedMins + 256;
    public const int UnpackedBytes = UnpackedScales + 512;

    private static readonly DotKernel? _dots = DotKernel.Create((tokens, askers) => new Q4KAssembly(tokens, askers));

    public Q4KPanels(in WeightShape shape)
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
                int sum = 0, minSum = 0;
                for (var k = 0; k < 256; k++)
                {
                    var w = block[PackedNibbles + k / 8 * 64 + lane * 4 + k % 4] >> k / 4 % 2 * 4 & 15;
                    sum += block[PackedScales + ScaleIndex(k / 32, lane)] * w * at.Values[k / 4 * 16 + slot * 4 + k % 4];
                }
                for (var sub = 0; sub < 8; sub++)
                    minSum += block[PackedMins + ScaleIndex(sub, lane)] * at.PairSums32[sub / 2 * 8 + slot * 2 + sub % 2];
                sums[lane] -= minSum * ((float)((Half*)block)[16 + lane] * at.Scales[slot]);
                sums[lane] += sum * ((float)((Half*)block)[lane] * at.Scales[slot]);
            }
        }
    }

    private protected override void MultiplyPortable(int panel, in Activations x, int token, int column, int columns, float* sums)
    {
        var (tile, slot) = (token / Activations.TileTokens, token % Activations.TileTokens);
        PortableRows.MultiplyQ4K(Block(panel, column / 256), columns / 256, x.DotsAt(ActivationForms.Narrow256, tile, column), slot, sums);
    }

    private protected override void MultiplyPacked(int panel, in Activations x, int tile, int tokens, float* sums)
    {
        if (tokens == 1)
            Q4KTiles.Multiply1Packed(Block(panel, 0), Columns / 256, SuperTokens.At(x, tile, 0), sums);
        else
            Q4KTiles.Multiply4<PackedQ4K>(Block(panel, 0), Columns / 256, SuperTokens.At(x, tile, 0), sums);
    }

    private protected override byte* Unpack(int panel, int column, int columns, byte* target)
    {
        for (var b = 0; b < columns / 256; b++)
            UnpackBlock(Block(panel, column / 256 + b), target + b * UnpackedBlockBytes);
        return target;
    }

    private protected override void MultiplyUnpacked(byte* unpacked, in Activations x, int tile, int column, int columns, float* sums) =>
        Q4KTiles.Multiply4<UnpackedQ4K>(unpacked, columns / 256, SuperTokens.At(x, tile, column), sums);

    private protected override void MultiplyPair(
        int panel, in Activations x, int firstTile, int tiles, int column, int columns, float* sums)
    {
        // Unpacked in registers: a tile of 32 rows and four tokens reads a weight once for 128 products, and what is packed fits the cache better.
        for (var tile = 0; tile < tiles; tile++, sums += Activations.TileTokens * PanelRows)
        {
            PrefetchNext(panel, column + ChunkColumns, tile, tiles);
            Q4KTiles512.Multiply4(
                Block(panel, column / 256), Block(panel + 1, column / 256), columns / 256, SuperTokens.At(x, firstTile + tile, column), sums, sums + PanelSums);
        }
    }

    private static void UnpackBlock(byte* block, byte* target)
    {
        for (var row = 0; row < 32; row += 8)
            HalfLanes.Load8((short*)block + row).Store((float*)target + row); // d[16] and dmin[16] alike
        for (var pair = 0; pair < 4; pair++)
        {
            for (var half = 0; half < 2; half++)
            {
                var offset = pair * 32 + half * 16;
                Avx2.ConvertToVector256Int16(block + PackedMins + offset).Store((short*)(target + UnpackedMins) + offset);
                var scales = Avx2.ConvertToVector256Int16(block + PackedScales + offset);
                ScalePairs.First(scales).Store((short*)(target + UnpackedScales) + pair * 64 + half * 16);
                ScalePairs.Second(scales).Store((short*)(target + UnpackedScales) + pair * 64 + 32 + half * 16);
            }
        }
        NibbleBytes.Spread(block + PackedNibbles, 32, target + UnpackedBytes);
    }

    private static int ScaleIndex(int sub, int lane) => sub / 2 * 32 + lane * 2 + sub % 2;

    private byte* Block(int panel, int block) => Packed + ((long)panel * (Columns / 256) + block) * PackedBlockBytes;

    internal readonly struct Packer : IBlockPacker
    {
        public static int Columns => 256;

        public static int SourceBytes => 144;

        public static int PackedBytes => PackedBlockBytes;

        public static void Pack(byte* source, long rowBytes, int rows, byte* target)
        {
            for (var lane = 0; lane < rows; lane++)
                PackRow(source + lane * rowBytes, lane, target);
        }

        private static void PackRow(byte* source, int lane, byte* target)
        {
            ((short*)target)[lane] = ((short*)source)[0];
            ((short*)target)[16 + lane] = ((short*)source)[1];
            for (var sub = 0; sub < 8; sub++)
            {
                var (scale, min) = SuperBlockDecoder.ScaleAndMin(new ReadOnlySpan<byte>(source + 4, 12), sub);
                target[PackedScales + ScaleIndex(sub, lane)] = (byte)scale;
                target[PackedMins + ScaleIndex(sub, lane)] = (byte)min;
            }
            // The file's 32 bytes hold sub-block 2p in low nibbles and 2p + 1 in high ones; a sub-block is four eights.
            for (var sub = 0; sub < 8; sub++)
            {
                NibbleBytes.Interleave(
                    (uint*)(source + 16 + sub / 2 * 32), sub % 2 * 4, 4, (uint*)(target + PackedNibbles + sub * 256) + lane);
            }
        }
    }
}
