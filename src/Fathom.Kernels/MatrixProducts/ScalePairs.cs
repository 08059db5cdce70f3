using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Scales of two neighbouring sub-blocks as int16 pairs, one pair a row; maddwd wants one of them twice.</summary>
internal static class ScalePairs
{
    /// <summary>The first of each pair, twice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> First(Vector256<short> pairs) =>
        Avx2.ShuffleHigh(Avx2.ShuffleLow(pairs, 0b10_10_00_00), 0b10_10_00_00);

    /// <summary>The second of each pair, twice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> Second(Vector256<short> pairs) =>
        Avx2.ShuffleHigh(Avx2.ShuffleLow(pairs, 0b11_11_01_01), 0b11_11_01_01);

    /// <summary>The first of each pair of 16 rows, twice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> First(Vector512<short> pairs) =>
        Avx512BW.ShuffleHigh(Avx512BW.ShuffleLow(pairs, 0b10_10_00_00), 0b10_10_00_00);

    /// <summary>The second of each pair of 16 rows, twice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> Second(Vector512<short> pairs) =>
        Avx512BW.ShuffleHigh(Avx512BW.ShuffleLow(pairs, 0b11_11_01_01), 0b11_11_01_01);
}
