using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>How a kernel reads a block of 16 rows x 256 columns, weights 0 to 63 as bytes, eight rows (a half) at a time.</summary>
internal unsafe interface IQ6KBlocks
{
    static abstract int BlockBytes { get; }

    static abstract Vector256<float> LoadFactor(byte* block, int half);

    /// <summary>A sub-block's scale, twice for each row.</summary>
    static abstract Vector256<short> LoadScales(byte* block, nint sub, int half);

    /// <summary>Sixteen columns of a sub-block, four by four.</summary>
    static abstract void Load(
        byte* block, nint sub, int half, out Vector256<byte> w0, out Vector256<byte> w1, out Vector256<byte> w2, out Vector256<byte> w3);
}

/// <summary>Blocks as <see cref="Q6KPanels"/> keeps them.</summary>
internal readonly unsafe struct PackedQ6K : IQ6KBlocks
{
    public static int BlockBytes => Q6KPanels.PackedBlockBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadFactor(byte* block, int half) => HalfLanes.Load8((short*)block + half * 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadFactor512(byte* block) => Vector512.Create(LoadFactor(block, 0), LoadFactor(block, 1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> LoadScales(byte* block, nint sub, int half)
    {
        var pairs = Avx2.ConvertToVector256Int16((sbyte*)block + Q6KPanels.PackedScales + sub / 2 * 32 + half * 16);
        return sub % 2 == 0 ? ScalePairs.First(pairs) : ScalePairs.Second(pairs);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> LoadScales512(byte* block, nint sub)
    {
        var pairs = Avx512BW.ConvertToVector512Int16(Vector256.Load((sbyte*)block + Q6KPanels.PackedScales + sub / 2 * 32));
        return sub % 2 == 0 ? ScalePairs.First(pairs) : ScalePairs.Second(pairs);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        byte* block, nint sub, int half, out Vector256<byte> w0, out Vector256<byte> w1, out Vector256<byte> w2, out Vector256<byte> w3)
    {
        var nibbles = block + Q6KPanels.PackedNibbles + sub * 128 + half * 32;
        var first = Vector256.Load(nibbles);
        var second = Vector256.Load(nibbles + 64);
        // 16-bit shifts move bits across bytes; the masks keep only those that stayed in theirs.
        var high = Vector256.Load((ushort*)(block + Q6KPanels.PackedHigh + sub * 64 + half * 32));
        var low4 = Vector256.Create((byte)0x0F);
        var high2 = Vector256.Create((byte)0x30);
        w0 = (first & low4) | (Vector256.ShiftLeft(high, 4).AsByte() & high2);
        w1 = (Vector256.ShiftRightLogical(first.AsUInt16(), 4).AsByte() & low4) | (Vector256.ShiftLeft(high, 2).AsByte() & high2);
        w2 = (second & low4) | (high.AsByte() & high2);
        w3 = (Vector256.ShiftRightLogical(second.AsUInt16(), 4).AsByte() & low4) | (Vector256.ShiftRightLogical(high, 2).AsByte() & high2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load512(
        byte* block, nint sub, out Vector512<byte> w0, out Vector512<byte> w1, out Vector512<byte> w2, out Vector512<byte> w3)
    {
        NibbleBytes.Load(block + Q6KPanels.PackedNibbles + sub * 128, out w0, out w1);
        NibbleBytes.Load(block + Q6KPanels.PackedNibbles + sub * 128 + 64, out w2, out w3);
        var high = Vector512.Load((ushort*)(block + Q6KPanels.PackedHigh + sub * 64));
        var high2 = Vector512.Create((byte)0x30);
        w0 |= Vector512.ShiftLeft(high, 4).AsByte() & high2;
        w1 |= Vector512.ShiftLeft(high, 2).AsByte() & high2;
        w2 |= high.AsByte() & high2;
        w3 |= Vector512.ShiftRightLogical(high, 2).AsByte() & high2;
    }
}

/// <summary>Blocks spread for reuse.</summary>
internal readonly unsafe struct UnpackedQ6K : IQ6KBlocks
{
    public static int BlockBytes => Q6KPanels.UnpackedBlockBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadFactor(byte* block, int half) => Vector256.Load((float*)block + half * 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> LoadScales(byte* block, nint sub, int half) =>
        Vector256.Load((short*)(block + Q6KPanels.UnpackedScales) + sub * 32 + half * 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        byte* block, nint sub, int half, out Vector256<byte> w0, out Vector256<byte> w1, out Vector256<byte> w2, out Vector256<byte> w3)
    {
        var at = block + Q6KPanels.UnpackedBytes + sub * 256 + half * 32;
        w0 = Vector256.Load(at);
        w1 = Vector256.Load(at + 64);
        w2 = Vector256.Load(at + 128);
        w3 = Vector256.Load(at + 192);
    }
}
