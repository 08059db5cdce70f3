using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Formats;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Q8_0 weights. Packed block of 16 rows x 32 columns: half scales[16], int8 [16 column pairs, 16 rows, 2].</summary>
internal sealed unsafe class Q8Panels : WeightMatrix
{
    /// <summary>Bytes of a packed block; the same as in the file.</summary>
    public const int PackedBlockBytes = 32 + 512;

    /// <summary>Bytes of an unpacked block: single scales[16], int16 [16 column pairs, 16 rows, 2].</summary>
    public const int UnpackedBlockBytes = 64 + 1024;

    private Q8Panels(int rows, int columns, NativeBuffer packed)
        : base(TensorType.Q8_0, rows, columns, packed)
    {
    }

    internal override ActivationForms Form => ActivationForms.Wide32;

    private protected override int ChunkColumns => 512;

    public static Q8Panels Pack(int rows, int columns, NativeView source, ComputePool pool) =>
        new(rows, columns, PanelPacking<Packer>.Pack(rows, columns, source, pool));

    private protected override void MultiplyScalar(int panel, in Activations x, int token, float* sums)
    {
        var blocks = Columns / 32;
        var (tile, slot) = (token / Activations.TileTokens, token % Activations.TileTokens);
        for (var b = 0; b < blocks; b++)
        {
            var block = Block(panel, b);
            var first = ((long)tile * blocks + b) * Activations.TileTokens;
            for (var lane = 0; lane < PanelRows; lane++)
            {
                var sum = 0;
                for (var k = 0; k < 32; k++)
                {
                    var w = (sbyte)block[32 + k / 2 * 32 + lane * 2 + k % 2];
                    sum += w * x.Wide32[(first * 16 + k / 2 * Activations.TileTokens + slot) * 2 + k % 2];
                }
                sums[lane] += sum * ((float)((Half*)block)[lane] * x.Scales32[first + slot]);
            }
        }
    }

    private protected override void MultiplyPacked(int panel, in Activations x, int tile, int tokens, float* sums, SimdLevel level)
    {
        var blocks = Columns / 32;
        var a = x.Wide32 + (long)tile * Columns * Activations.TileTokens;
        var scales = x.Scales32 + (long)tile * blocks * Activations.TileTokens;
        switch (tokens)
        {
            case 1:
                WideTiles.Multiply1<PackedQ8>(Block(panel, 0), blocks, a, scales, sums);
                break;
            case 2:
                WideTiles.Multiply2<PackedQ8>(Block(panel, 0), blocks, a, scales, sums);
                break;
            default:
                WideTiles.Multiply4<PackedQ8>(Block(panel, 0), blocks, a, scales, sums);
                break;
        }
    }

    private protected override byte* Unpack(int panel, int column, int columns, byte* target, SimdLevel level)
    {
        for (var b = 0; b < columns / 32; b++)
        {
            var block = Block(panel, column / 32 + b);
            var unpacked = target + b * UnpackedBlockBytes;
            PackedQ8.LoadScales(block, out var scales0, out var scales1);
            scales0.Store((float*)unpacked);
            scales1.Store((float*)unpacked + 8);
            for (var pair = 0; pair < 16; pair++)
            {
                PackedQ8.Load(block, pair, out var w0, out var w1);
                w0.Store((short*)(unpacked + 64) + pair * 32);
                w1.Store((short*)(unpacked + 64) + pair * 32 + 16);
            }
        }
        return target;
    }

    private protected override void MultiplyUnpacked(
        byte* unpacked, in Activations x, int tile, int column, int columns, float* sums, SimdLevel level)
    {
        var a = x.Wide32 + ((long)tile * Columns + column) * Activations.TileTokens;
        var scales = x.Scales32 + ((long)tile * Columns + column) / 32 * Activations.TileTokens;
        if (level == SimdLevel.Avx512)
            WideTiles512.Multiply4(unpacked, columns / 32, a, scales, sums);
        else
            WideTiles.Multiply4<UnpackedQ8>(unpacked, columns / 32, a, scales, sums);
    }

    private byte* Block(int panel, int block) => Packed + ((long)panel * (Columns / 32) + block) * PackedBlockBytes;

    /// <summary>Reads packed blocks, widening as it goes.</summary>
    private readonly struct PackedQ8 : IWideBlocks
    {
        public static int BlockBytes => PackedBlockBytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void LoadScales(byte* block, out Vector256<float> w0, out Vector256<float> w1)
        {
            w0 = HalfLanes.Load8((short*)block);
            w1 = HalfLanes.Load8((short*)block + 8);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Load(byte* block, int pair, out Vector256<short> w0, out Vector256<short> w1)
        {
            w0 = Avx2.ConvertToVector256Int16((sbyte*)block + 32 + pair * 32);
            w1 = Avx2.ConvertToVector256Int16((sbyte*)block + 32 + pair * 32 + 16);
        }
    }

    private readonly struct UnpackedQ8 : IWideBlocks
    {
        public static int BlockBytes => UnpackedBlockBytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void LoadScales(byte* block, out Vector256<float> w0, out Vector256<float> w1)
        {
            w0 = Vector256.Load((float*)block);
            w1 = Vector256.Load((float*)block + 8);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Load(byte* block, int pair, out Vector256<short> w0, out Vector256<short> w1)
        {
            w0 = Vector256.Load((short*)(block + 64) + pair * 32);
            w1 = Vector256.Load((short*)(block + 64) + pair * 32 + 16);
        }
    }

    private readonly struct Packer : IBlockPacker
    {
        public static int Columns => 32;

        public static int SourceBytes => 34;

        public static int PackedBytes => PackedBlockBytes;

        public static void Pack(byte* source, long rowBytes, int rows, byte* target)
        {
            for (var row = 0; row < rows; row++)
                ((short*)target)[row] = *(short*)(source + row * rowBytes);
            WordTransposition.Rows16(source + 2, rowBytes, rows, (short*)(target + 32));
        }
    }
}
