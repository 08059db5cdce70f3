using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Q8_0 in panels. A block of 16 rows x 32 columns: half scales[16], int8 [16 column pairs, 16 rows, 2]; as many bytes as in the file.</summary>
internal readonly unsafe struct Q8Blocks : IWideBlocks, IBlockPacker
{
    private const int ValuesAt = 16 * sizeof(short);

    public static int BlockBytes => ValuesAt + 512;

    public static int BlockColumns => 32;

    public static int SubColumns => 32;

    public static bool HasMins => false;

    public static int Columns => 32;

    public static int SourceBytes => 34;

    public static int PackedBytes => BlockBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadScales(byte* block, nint sub, int half) => HalfLanes.Load8((short*)block + half * 8);

    public static Vector256<float> LoadMins(byte* block, nint sub, int half) => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        byte* block, nint quad, out Vector256<short> w00, out Vector256<short> w01, out Vector256<short> w10, out Vector256<short> w11)
    {
        var values = (sbyte*)block + ValuesAt + quad * 64;
        w00 = Avx2.ConvertToVector256Int16(values);
        w01 = Avx2.ConvertToVector256Int16(values + 16);
        w10 = Avx2.ConvertToVector256Int16(values + 32);
        w11 = Avx2.ConvertToVector256Int16(values + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* block, nint quad, out Vector512<short> w0, out Vector512<short> w1)
    {
        var values = (sbyte*)block + ValuesAt + quad * 64;
        w0 = Avx512BW.ConvertToVector512Int16(Vector256.Load(values));
        w1 = Avx512BW.ConvertToVector512Int16(Vector256.Load(values + 32));
    }

    public static int Value(byte* block, int lane, int column) => (sbyte)block[ValuesAt + column / 2 * 32 + lane * 2 + column % 2];

    public static float Scale(byte* block, int sub, int lane) => (float)((Half*)block)[lane];

    public static float Min(byte* block, int sub, int lane) => 0;

    public static void Pack(byte* source, long rowBytes, int rows, byte* target)
    {
        for (var row = 0; row < rows; row++)
            ((short*)target)[row] = *(short*)(source + row * rowBytes);
        WordTransposition.Rows16(source + 2, rowBytes, rows, (short*)(target + ValuesAt));
    }
}
