using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>
/// Blocks of 16 rows x 32 columns spread out for reuse: single scales [sub-blocks, 16 rows], minima of the same shape if there are
/// any, int16 [16 column pairs, 16 rows, 2].
/// </summary>
/// <typeparam name="TPacked">The blocks that were spread; gives the sub-blocks' shape.</typeparam>
/// <remarks>The sizes are constants to the compiler, which must inline them wherever a kernel is already long.</remarks>
internal readonly unsafe struct UnpackedWide<TPacked> : IWideBlocks
    where TPacked : struct, IWideBlocks
{
    private const int ScaleBytes = 16 * sizeof(float);

    public static int BlockBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ValuesAt + 1024;
    }

    public static int BlockColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 32;
    }

    public static int SubColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TPacked.SubColumns;
    }

    public static bool HasMins
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TPacked.HasMins;
    }

    private static int Subs
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 32 / TPacked.SubColumns;
    }

    private static int ValuesAt
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Subs * ScaleBytes * (HasMins ? 2 : 1);
    }

    /// <summary>Spreads columns of a panel whose first block is given.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Spread(byte* packed, int columns, byte* target)
    {
        for (var column = 0; column < columns; column += 32, target += BlockBytes)
        {
            var block = packed + column / TPacked.BlockColumns * TPacked.BlockBytes;
            var place = column % TPacked.BlockColumns;
            for (var sub = 0; sub < Subs; sub++)
            {
                for (var half = 0; half < 2; half++)
                {
                    TPacked.LoadScales(block, place / SubColumns + sub, half).Store((float*)target + sub * 16 + half * 8);
                    if (HasMins)
                        TPacked.LoadMins(block, place / SubColumns + sub, half).Store((float*)target + (Subs + sub) * 16 + half * 8);
                }
            }
            var values = (short*)(target + ValuesAt);
            for (var quad = 0; quad < 8; quad++, values += 64)
            {
                TPacked.Load(block, place / 4 + quad, out var w00, out var w01, out var w10, out var w11);
                w00.Store(values);
                w01.Store(values + 16);
                w10.Store(values + 32);
                w11.Store(values + 48);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadScales(byte* block, nint sub, int half) => Vector256.Load((float*)block + sub * 16 + half * 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadMins(byte* block, nint sub, int half) => Vector256.Load((float*)block + (Subs + sub) * 16 + half * 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        byte* block, nint quad, out Vector256<short> w00, out Vector256<short> w01, out Vector256<short> w10, out Vector256<short> w11)
    {
        var values = (short*)(block + ValuesAt) + quad * 64;
        w00 = Vector256.Load(values);
        w01 = Vector256.Load(values + 16);
        w10 = Vector256.Load(values + 32);
        w11 = Vector256.Load(values + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* block, nint quad, out Vector512<short> w0, out Vector512<short> w1)
    {
        var values = (short*)(block + ValuesAt) + quad * 64;
        w0 = Vector512.Load(values);
        w1 = Vector512.Load(values + 32);
    }

    public static int Value(byte* block, int lane, int column) => ((short*)(block + ValuesAt))[column / 2 * 32 + lane * 2 + column % 2];

    public static float Scale(byte* block, int sub, int lane) => ((float*)block)[sub * 16 + lane];

    public static float Min(byte* block, int sub, int lane) => ((float*)block)[(Subs + sub) * 16 + lane];
}
