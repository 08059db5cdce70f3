using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>The four-token tile of <see cref="NibbleTiles"/> over two packed panels at once, 16 rows a vector; the same bits.</summary>
internal static unsafe class NibbleTiles512
{
    private const int Tile = Activations.TileTokens;

    /// <param name="w0">First panel's blocks.</param>
    /// <param name="w1">Second panel's blocks.</param>
    /// <param name="blocks">Blocks of 32 columns.</param>
    /// <param name="x">A tile of four tokens.</param>
    /// <param name="sums0">First panel's sums [4 tokens, 16 rows]; added to.</param>
    /// <param name="sums1">Second panel's.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply4(byte* w0, byte* w1, int blocks, NibbleTokens x, float* sums0, float* sums1)
    {
        for (; blocks > 0; blocks--, w0 += Q4Panels.PackedQ4.BlockBytes, w1 += Q4Panels.PackedQ4.BlockBytes, x.Advance())
        {
            var a = x.Values;
            // sTP: token T, panel P, two int16 a row.
            Vector512<short> s00 = Offset(x.Offsets, 0), s10 = Offset(x.Offsets, 1), s20 = Offset(x.Offsets, 2), s30 = Offset(x.Offsets, 3);
            Vector512<short> s01 = s00, s11 = s10, s21 = s20, s31 = s30;
            for (nint eight = 0; eight < 4; eight++, a += 8 * Tile)
            {
                Q4Panels.PackedQ4.Load(w0, eight, out Vector512<byte> p0, out var p1);
                Q4Panels.PackedQ4.Load(w1, eight, out Vector512<byte> q0, out var q1);
                Add(p0, q0, a, 0, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
                Add(p1, q1, a, 1, ref s00, ref s01, ref s10, ref s11, ref s20, ref s21, ref s30, ref s31);
            }
            Q4Panels.PackedQ4.LoadScales(w0, out var low, out var high);
            var d = Vector512.Create(low, high);
            Scale(s00, d, x.Scales[0], sums0);
            Scale(s10, d, x.Scales[1], sums0 + 16);
            Scale(s20, d, x.Scales[2], sums0 + 32);
            Scale(s30, d, x.Scales[3], sums0 + 48);
            Q4Panels.PackedQ4.LoadScales(w1, out low, out high);
            d = Vector512.Create(low, high);
            Scale(s01, d, x.Scales[0], sums1);
            Scale(s11, d, x.Scales[1], sums1 + 16);
            Scale(s21, d, x.Scales[2], sums1 + 32);
            Scale(s31, d, x.Scales[3], sums1 + 48);
        }
    }

    /// <summary>A token's two offsets in every row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> Offset(short* offsets, int token) => Vector512.Create(((int*)offsets)[token]).AsInt16();

    /// <summary>Four of a token's values in every lane of four bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<sbyte> Four(sbyte* a, int four, int token) => Vector512.Create(((int*)a)[four * Tile + token]).AsSByte();

    /// <summary>Adds four columns of two panels times four tokens.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(
        Vector512<byte> w0, Vector512<byte> w1, sbyte* a, int four, ref Vector512<short> s00, ref Vector512<short> s01,
        ref Vector512<short> s10, ref Vector512<short> s11, ref Vector512<short> s20, ref Vector512<short> s21,
        ref Vector512<short> s30, ref Vector512<short> s31)
    {
        var a0 = Four(a, four, 0);
        s00 += Avx512BW.MultiplyAddAdjacent(w0, a0);
        s01 += Avx512BW.MultiplyAddAdjacent(w1, a0);
        var a1 = Four(a, four, 1);
        s10 += Avx512BW.MultiplyAddAdjacent(w0, a1);
        s11 += Avx512BW.MultiplyAddAdjacent(w1, a1);
        var a2 = Four(a, four, 2);
        s20 += Avx512BW.MultiplyAddAdjacent(w0, a2);
        s21 += Avx512BW.MultiplyAddAdjacent(w1, a2);
        var a3 = Four(a, four, 3);
        s30 += Avx512BW.MultiplyAddAdjacent(w0, a3);
        s31 += Avx512BW.MultiplyAddAdjacent(w1, a3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(Vector512<short> s, Vector512<float> d, float tokenScale, float* sums)
    {
        var products = Vector512.ConvertToSingle(Avx512BW.MultiplyAddAdjacent(s, Vector512.Create((short)1)));
        Avx512F.FusedMultiplyAdd(products, d * Vector512.Create(tokenScale), Vector512.Load(sums)).Store(sums);
    }
}
