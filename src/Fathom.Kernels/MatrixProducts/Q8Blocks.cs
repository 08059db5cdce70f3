using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Q8_0 in panels. A block of 16 rows x 32 columns: half scales[16], int8 [8 column fours, 16 rows, 4]; as many bytes as in the file.</summary>
internal readonly unsafe struct Q8Blocks : IWideBlocks, IBlockPacker
{
    public const int ValuesAt = 16 * sizeof(short);

    // Places of a row's first or second two bytes in the words of a shuffle of four rows; -1 is none.
    private static Vector128<sbyte> FirstPair
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(-1, 0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13);
    }

    private static Vector128<sbyte> SecondPair
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(-1, 2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15);
    }

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
        var rows0To7 = Vector256.Load((sbyte*)block + ValuesAt + quad * 64);
        var rows8To15 = Vector256.Load((sbyte*)block + ValuesAt + quad * 64 + 32);
        w00 = Words(rows0To7, Vector256.Create(FirstPair, FirstPair));
        w01 = Words(rows8To15, Vector256.Create(FirstPair, FirstPair));
        w10 = Words(rows0To7, Vector256.Create(SecondPair, SecondPair));
        w11 = Words(rows8To15, Vector256.Create(SecondPair, SecondPair));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* block, nint quad, out Vector512<short> w0, out Vector512<short> w1)
    {
        var values = Vector512.Load((sbyte*)block + ValuesAt + quad * 64);
        w0 = Avx512BW.Shuffle(values, Vector512.Create(Vector256.Create(FirstPair, FirstPair), Vector256.Create(FirstPair, FirstPair))).AsInt16() >> 8;
        w1 = Avx512BW.Shuffle(values, Vector512.Create(Vector256.Create(SecondPair, SecondPair), Vector256.Create(SecondPair, SecondPair))).AsInt16() >> 8;
    }

    public static int Value(byte* block, int lane, int column) => (sbyte)block[ValuesAt + column / 4 * 64 + lane * 4 + column % 4];

    public static float Scale(byte* block, int sub, int lane) => (float)((Half*)block)[lane];

    public static float Min(byte* block, int sub, int lane) => 0;

    public static void Pack(byte* source, long rowBytes, int rows, byte* target)
    {
        for (var row = 0; row < rows; row++)
        {
            var from = source + row * rowBytes;
            ((short*)target)[row] = *(short*)from;
            for (var four = 0; four < 8; four++)
                ((int*)(target + ValuesAt))[four * 16 + row] = ((int*)(from + 2))[four];
        }
    }

    /// <summary>Two columns of eight rows as int16: their bytes into the words' upper halves, then down with the sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Words(Vector256<sbyte> fours, Vector256<sbyte> pair) => Avx2.Shuffle(fours, pair).AsInt16() >> 8;
}
