using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Fathom.Kernels.MatrixProducts.Assembled;
using Fathom.Kernels.MatrixProducts.Portable;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>
/// Q4_0 weights. Packed block of 16 rows x 32 columns: half scales[16], bytes [4 eights, 16 rows, 4], where byte i of eight e
/// holds column 8e + i in its low nibble and 8e + 4 + i in its high nibble.
/// </summary>
internal sealed unsafe class Q4Panels : WeightMatrix
{
    /// <summary>Where a packed block's nibbles begin.</summary>
    public const int NibblesAt = 32;

    /// <summary>Bytes of a packed block; the same as in the file.</summary>
    private const int PackedBlockBytes = 32 + 256;

    /// <summary>Bytes of an unpacked block: single scales[16], bytes [8 fours, 16 rows, 4].</summary>
    private const int UnpackedBlockBytes = 64 + 512;

    private static readonly DotKernel? _dots = DotKernel.Create((tokens, askers) => new Q4Assembly(tokens, askers));

    public Q4Panels(in WeightShape shape)
        : base(shape)
    {
    }

    private protected override DotKernel? Dots => _dots;

    private protected override ActivationForms Form => ActivationForms.Narrow32;

    private protected override ActivationForms? PortableForm => ActivationForms.Narrow32;

    private protected override int ChunkColumns => 512;

    private protected override void MultiplyScalar(int panel, in Activations x, int token, float* sums)
    {
        var blocks = Columns / 32;
        var (tile, slot) = (token / Activations.TileTokens, token % Activations.TileTokens);
        for (var b = 0; b < blocks; b++)
        {
            var block = Block(panel, b);
            var first = ((long)tile * blocks + b) * Activations.TileTokens;
            var a = x.Narrow32 + first * 32 + slot * 4;
            for (var lane = 0; lane < PanelRows; lane++)
            {
                var sum = 0;
                for (var k = 0; k < 32; k++)
                {
                    var w = block[32 + k / 8 * 64 + lane * 4 + k % 4] >> k / 4 % 2 * 4 & 15;
                    sum += (w - 8) * a[k / 4 * 16 + k % 4];
                }
                sums[lane] += sum * ((float)((Half*)block)[lane] * x.Scales32[first + slot]);
            }
        }
    }

    private protected override void MultiplyPortable(int panel, in Activations x, int token, int column, int columns, float* sums)
    {
        var (tile, slot) = (token / Activations.TileTokens, token % Activations.TileTokens);
        PortableRows.MultiplyQ4(Block(panel, column / 32), columns / 32, x.DotsAt(ActivationForms.Narrow32, tile, column), slot, sums);
    }

    private protected override void MultiplyPacked(int panel, in Activations x, int tile, int tokens, float* sums)
    {
        if (tokens == 1)
            NibbleTiles.Multiply1<PackedQ4>(Block(panel, 0), Columns / 32, NibbleTokens.At(x, tile, 0), sums);
        else
            NibbleTiles.Multiply4<PackedQ4>(Block(panel, 0), Columns / 32, NibbleTokens.At(x, tile, 0), sums);
    }

    private protected override byte* Unpack(int panel, int column, int columns, byte* target)
    {
        for (var b = 0; b < columns / 32; b++)
        {
            var block = Block(panel, column / 32 + b);
            var unpacked = target + b * UnpackedBlockBytes;
            PackedQ4.LoadScales(block, out var scales0, out var scales1);
            scales0.Store((float*)unpacked);
            scales1.Store((float*)unpacked + 8);
            NibbleBytes.Spread(block + 32, 4, unpacked + 64);
        }
        return target;
    }

    private protected override void MultiplyUnpacked(byte* unpacked, in Activations x, int tile, int column, int columns, float* sums) =>
        NibbleTiles.Multiply4<UnpackedQ4>(unpacked, columns / 32, NibbleTokens.At(x, tile, column), sums);

    private protected override void MultiplyPair(
        int panel, in Activations x, int firstTile, int tiles, int column, int columns, float* sums)
    {
        // Unpacked in registers: a tile of 32 rows and four tokens reads a weight once for 128 products, and what is packed fits the cache better.
        for (var tile = 0; tile < tiles; tile++, sums += Activations.TileTokens * PanelRows)
        {
            PrefetchNext(panel, column + ChunkColumns, tile, tiles);
            NibbleTiles512.Multiply4(
                Block(panel, column / 32), Block(panel + 1, column / 32), columns / 32, NibbleTokens.At(x, firstTile + tile, column), sums, sums + PanelSums);
        }
    }

    private byte* Block(int panel, int block) => Packed + ((long)panel * (Columns / 32) + block) * PackedBlockBytes;

    internal readonly struct PackedQ4 : INibbleBlocks
    {
        public static int BlockBytes => PackedBlockBytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void LoadScales(byte* block, out Vector256<float> w0, out Vector256<float> w1)
        {
            w0 = HalfLanes.Load8((short*)block);
            w1 = HalfLanes.Load8((short*)block + 8);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void LoadFirst(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1) =>
            NibbleBytes.LoadLow(block + 32 + eight * 64, out w0, out w1);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void LoadSecond(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1) =>
            NibbleBytes.LoadHigh(block + 32 + eight * 64, out w0, out w1);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Load(byte* block, nint eight, out Vector512<byte> first, out Vector512<byte> second) =>
            NibbleBytes.Load(block + 32 + eight * 64, out first, out second);
    }

    private readonly struct UnpackedQ4 : INibbleBlocks
    {
        public static int BlockBytes => UnpackedBlockBytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void LoadScales(byte* block, out Vector256<float> w0, out Vector256<float> w1)
        {
            w0 = Vector256.Load((float*)block);
            w1 = Vector256.Load((float*)block + 8);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void LoadFirst(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1)
        {
            w0 = Vector256.Load(block + 64 + eight * 128);
            w1 = Vector256.Load(block + 64 + eight * 128 + 32);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void LoadSecond(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1)
        {
            w0 = Vector256.Load(block + 64 + eight * 128 + 64);
            w1 = Vector256.Load(block + 64 + eight * 128 + 96);
        }
    }

    internal readonly struct Packer : IBlockPacker
    {
        public static int Columns => 32;

        public static int SourceBytes => 18;

        public static int PackedBytes => PackedBlockBytes;

        public static void Pack(byte* source, long rowBytes, int rows, byte* target)
        {
            for (var lane = 0; lane < rows; lane++, source += rowBytes)
            {
                ((short*)target)[lane] = *(short*)source;
                // The file's nibbles: low ones are columns 0-15, high ones 16-31.
                NibbleBytes.Interleave((uint*)(source + 2), 0, 2, (uint*)(target + 32) + lane);
                NibbleBytes.Interleave((uint*)(source + 2), 4, 2, (uint*)(target + 32 + 128) + lane);
            }
        }
    }
}
