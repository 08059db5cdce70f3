using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>
/// Panels of nibbles [eights, 16 rows, 4 bytes]: byte i of eight e holds column 8e + i in its low nibble and 8e + 4 + i in
/// its high nibble.
/// </summary>
internal static unsafe class NibbleBytes
{
    private const uint LowNibbles = 0x0F0F_0F0F;

    /// <summary>Low nibbles of rows 0-7 and 8-15 of one eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadLow(byte* eight, out Vector256<byte> w0, out Vector256<byte> w1)
    {
        w0 = Vector256.Load(eight) & Vector256.Create((byte)15);
        w1 = Vector256.Load(eight + 32) & Vector256.Create((byte)15);
    }

    /// <summary>High nibbles of rows 0-7 and 8-15 of one eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadHigh(byte* eight, out Vector256<byte> w0, out Vector256<byte> w1)
    {
        w0 = Vector256.ShiftRightLogical(Vector256.Load((ushort*)eight), 4).AsByte() & Vector256.Create((byte)15);
        w1 = Vector256.ShiftRightLogical(Vector256.Load((ushort*)(eight + 32)), 4).AsByte() & Vector256.Create((byte)15);
    }

    /// <summary>Low and high nibbles of all 16 rows of one eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* eight, out Vector512<byte> low, out Vector512<byte> high)
    {
        var bytes = Vector512.Load(eight);
        low = bytes & Vector512.Create((byte)15);
        high = Vector512.ShiftRightLogical(bytes.AsUInt16(), 4).AsByte() & Vector512.Create((byte)15);
    }

    /// <summary>One byte a weight: [2·eights fours, 16 rows, 4].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Spread(byte* source, int eights, byte* target)
    {
        for (; eights > 0; eights--, source += 64, target += 128)
        {
            LoadLow(source, out var w0, out var w1);
            w0.Store(target);
            w1.Store(target + 32);
            LoadHigh(source, out w0, out w1);
            w0.Store(target + 64);
            w1.Store(target + 96);
        }
    }

    /// <summary>
    /// Takes a row's nibbles at one shift (four consecutive columns a word) into its place in a panel, two words an eight.
    /// </summary>
    /// <param name="source">Words whose nibbles at <paramref name="shift"/> are columns 0-3, 4-7, ...</param>
    /// <param name="shift">0 or 4.</param>
    /// <param name="eights">Eights to write, from twice as many words.</param>
    /// <param name="target">The row's word in the first eight.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Interleave(uint* source, int shift, int eights, uint* target)
    {
        for (var eight = 0; eight < eights; eight++)
        {
            target[eight * WeightMatrix.PanelRows] =
                source[2 * eight] >> shift & LowNibbles | (source[2 * eight + 1] >> shift & LowNibbles) << 4;
        }
    }
}
