using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Where a tile's activations in blocks of 32 begin.</summary>
internal unsafe struct WideTokens
{
    /// <summary>int16 [16 column pairs, 4 tokens, 2] for each 32 columns.</summary>
    public short* Values;

    /// <summary>[4 tokens] for each 32 columns.</summary>
    public float* Scales;

    /// <summary>Sums of values [2 halves, 4 tokens] for each 32 columns.</summary>
    public int* Sums16;

    public static WideTokens At(in Activations x, int tile, int column)
    {
        var first = ((long)tile * x.Columns + column) * Activations.TileTokens;
        return new WideTokens { Values = x.Wide32 + first, Scales = x.WideScales32 + first / 32, Sums16 = x.Sums16 + first / 16 };
    }
}

/// <summary>
/// sums[t, row] += over sub-blocks, in order: (sum of a)·(row's minimum · token's scale), then (sum of w·a, exact in int32) ·
/// (row's scale · token's scale).
/// </summary>
/// <remarks>
/// One, two or four tokens against 16 rows. Products of int16 pairs by maddwd: no saturation, since |w·a| is at most
/// 128·2,047. Every variant does the same roundings in the same order, so their results are equal bit by bit.
/// </remarks>
internal static unsafe class WideTiles
{
    private const int Tile = Activations.TileTokens;

    /// <summary>One token and row in plain C#: the twin.</summary>
    public static float MultiplyScalar<TBlocks>(byte* w, int columns, WideTokens x, int slot, int lane)
        where TBlocks : struct, IWideBlocks
    {
        var result = 0f;
        for (var column = 0; column < columns; column += TBlocks.SubColumns)
        {
            var block = w + column / TBlocks.BlockColumns * TBlocks.BlockBytes;
            var (place, scale) = (column % TBlocks.BlockColumns, x.Scales[column / 32 * Tile + slot]);
            int sum = 0, sumOfA = 0;
            for (var k = 0; k < TBlocks.SubColumns; k++)
            {
                int a = x.Values[((column + k) / 2 * Tile + slot) * 2 + k % 2];
                sum += TBlocks.Value(block, lane, place + k) * a;
                sumOfA += a;
            }
            if (TBlocks.HasMins)
                result += sumOfA * (TBlocks.Min(block, place / TBlocks.SubColumns, lane) * scale);
            result += sum * (TBlocks.Scale(block, place / TBlocks.SubColumns, lane) * scale);
        }
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply1<TBlocks>(byte* w, int columns, WideTokens x, float* sums)
        where TBlocks : struct, IWideBlocks
    {
        var a = x.Values;
        var y0 = Vector256.Load(sums);
        var y1 = Vector256.Load(sums + 8);
        for (nint column = 0; column < columns; column += TBlocks.BlockColumns, w += TBlocks.BlockBytes)
        {
            for (nint sub = 0; sub < TBlocks.BlockColumns / TBlocks.SubColumns; sub++)
            {
                const int lines = 64;
                var bytes = TBlocks.BlockBytes * TBlocks.SubColumns / TBlocks.BlockColumns;
                Streaming.Prefetch(w + Streaming.AheadBytes + sub * bytes, (bytes + lines - 1) / lines * lines);
                Vector256<int> s0 = default, s1 = default;
                for (nint quad = 0; quad < TBlocks.SubColumns / 4; quad++, a += 4 * Tile)
                {
                    TBlocks.Load(w, sub * (TBlocks.SubColumns / 4) + quad, out var w00, out var w01, out var w10, out var w11);
                    var pair = Pair(a, 0, 0);
                    s0 += Avx2.MultiplyAddAdjacent(w00, pair);
                    s1 += Avx2.MultiplyAddAdjacent(w01, pair);
                    pair = Pair(a, 1, 0);
                    s0 += Avx2.MultiplyAddAdjacent(w10, pair);
                    s1 += Avx2.MultiplyAddAdjacent(w11, pair);
                }
                var at = column + sub * TBlocks.SubColumns;
                var scales = x.Scales + at / 32 * Tile;
                var sumsOfA = x.Sums16 + at / 16 * Tile;
                y0 = Scale<TBlocks>(s0, w, sub, 0, scales, sumsOfA, 0, y0);
                y1 = Scale<TBlocks>(s1, w, sub, 1, scales, sumsOfA, 0, y1);
            }
        }
        y0.Store(sums);
        y1.Store(sums + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply2<TBlocks>(byte* w, int columns, WideTokens x, float* sums)
        where TBlocks : struct, IWideBlocks
    {
        var a = x.Values;
        for (nint column = 0; column < columns; column += TBlocks.BlockColumns, w += TBlocks.BlockBytes)
        {
            for (nint sub = 0; sub < TBlocks.BlockColumns / TBlocks.SubColumns; sub++)
            {
                Vector256<int> s00 = default, s01 = default, s10 = default, s11 = default;
                for (nint quad = 0; quad < TBlocks.SubColumns / 4; quad++, a += 4 * Tile)
                {
                    TBlocks.Load(w, sub * (TBlocks.SubColumns / 4) + quad, out var w00, out var w01, out var w10, out var w11);
                    Add(w00, w01, Pair(a, 0, 0), ref s00, ref s01);
                    Add(w00, w01, Pair(a, 0, 1), ref s10, ref s11);
                    Add(w10, w11, Pair(a, 1, 0), ref s00, ref s01);
                    Add(w10, w11, Pair(a, 1, 1), ref s10, ref s11);
                }
                var at = column + sub * TBlocks.SubColumns;
                var scales = x.Scales + at / 32 * Tile;
                var sumsOfA = x.Sums16 + at / 16 * Tile;
                Scale16<TBlocks>(s00, s01, w, sub, scales, sumsOfA, 0, sums);
                Scale16<TBlocks>(s10, s11, w, sub, scales, sumsOfA, 1, sums + 16);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply4<TBlocks>(byte* w, int columns, WideTokens x, float* sums)
        where TBlocks : struct, IWideBlocks
    {
        var a = x.Values;
        for (nint column = 0; column < columns; column += TBlocks.BlockColumns, w += TBlocks.BlockBytes)
        {
            for (nint sub = 0; sub < TBlocks.BlockColumns / TBlocks.SubColumns; sub++)
            {
                // sTH: token T, rows of half H, one int32 a row.
                Vector256<int> s00 = default, s01 = default, s10 = default, s11 = default;
                Vector256<int> s20 = default, s21 = default, s30 = default, s31 = default;
                for (nint quad = 0; quad < TBlocks.SubColumns / 4; quad++, a += 4 * Tile)
                {
                    TBlocks.Load(w, sub * (TBlocks.SubColumns / 4) + quad, out var w00, out var w01, out var w10, out var w11);
                    Add(w00, w01, Pair(a, 0, 0), ref s00, ref s01);
                    Add(w00, w01, Pair(a, 0, 1), ref s10, ref s11);
                    Add(w00, w01, Pair(a, 0, 2), ref s20, ref s21);
                    Add(w00, w01, Pair(a, 0, 3), ref s30, ref s31);
                    Add(w10, w11, Pair(a, 1, 0), ref s00, ref s01);
                    Add(w10, w11, Pair(a, 1, 1), ref s10, ref s11);
                    Add(w10, w11, Pair(a, 1, 2), ref s20, ref s21);
                    Add(w10, w11, Pair(a, 1, 3), ref s30, ref s31);
                }
                var at = column + sub * TBlocks.SubColumns;
                var scales = x.Scales + at / 32 * Tile;
                var sumsOfA = x.Sums16 + at / 16 * Tile;
                Scale16<TBlocks>(s00, s01, w, sub, scales, sumsOfA, 0, sums);
                Scale16<TBlocks>(s10, s11, w, sub, scales, sumsOfA, 1, sums + 16);
                Scale16<TBlocks>(s20, s21, w, sub, scales, sumsOfA, 2, sums + 32);
                Scale16<TBlocks>(s30, s31, w, sub, scales, sumsOfA, 3, sums + 48);
            }
        }
    }

    /// <summary>Sum of a token's values over a sub-block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SumOfA<TBlocks>(int* sumsOfA, int token)
        where TBlocks : struct, IWideBlocks =>
        TBlocks.SubColumns == 16 ? sumsOfA[token] : sumsOfA[token] + sumsOfA[Tile + token];

    /// <summary>The token's two values in every lane; pair 0 or 1 of a quad of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Pair(short* a, int pair, int token) =>
        Avx2.BroadcastScalarToVector256((int*)a + pair * Tile + token).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector256<short> w0, Vector256<short> w1, Vector256<short> a, ref Vector256<int> s0, ref Vector256<int> s1)
    {
        s0 += Avx2.MultiplyAddAdjacent(w0, a);
        s1 += Avx2.MultiplyAddAdjacent(w1, a);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scale<TBlocks>(
        Vector256<int> s, byte* block, nint sub, int half, float* scales, int* sumsOfA, int token, Vector256<float> y)
        where TBlocks : struct, IWideBlocks
    {
        var scale = Vector256.Create(scales[token]);
        if (TBlocks.HasMins)
            y = Fma.MultiplyAdd(Vector256.Create((float)SumOfA<TBlocks>(sumsOfA, token)), TBlocks.LoadMins(block, sub, half) * scale, y);
        return Fma.MultiplyAdd(Vector256.ConvertToSingle(s), TBlocks.LoadScales(block, sub, half) * scale, y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale16<TBlocks>(
        Vector256<int> s0, Vector256<int> s1, byte* block, nint sub, float* scales, int* sumsOfA, int token, float* sums)
        where TBlocks : struct, IWideBlocks
    {
        Scale<TBlocks>(s0, block, sub, 0, scales, sumsOfA, token, Vector256.Load(sums)).Store(sums);
        Scale<TBlocks>(s1, block, sub, 1, scales, sumsOfA, token, Vector256.Load(sums + 8)).Store(sums + 8);
    }
}
