using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>How the kernel of four tokens reads a block of 256 columns.</summary>
internal unsafe interface IQ4KBlocks
{
    static abstract int BlockBytes { get; }

    /// <summary>d (row 0) or dmin (row 16) of eight rows.</summary>
    static abstract Vector256<float> LoadFactor(byte* block, int row);

    static abstract Vector256<short> LoadMins(byte* block, nint pair, int half);

    /// <summary>A sub-block's scale, twice for each of eight rows.</summary>
    static abstract Vector256<short> LoadScales(byte* block, nint sub, int half);

    static abstract void LoadFirst(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1);

    static abstract void LoadSecond(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1);
}

/// <summary>Blocks as <see cref="Q4KPanels"/> keeps them.</summary>
internal readonly unsafe struct PackedQ4K : IQ4KBlocks
{
    public static int BlockBytes => Q4KPanels.PackedBlockBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadFactor(byte* block, int row) => HalfLanes.Load8((short*)block + row);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> LoadMins(byte* block, nint pair, int half) =>
        Avx2.ConvertToVector256Int16(block + Q4KPanels.PackedMins + pair * 32 + half * 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> LoadScales(byte* block, nint sub, int half)
    {
        var pairs = Avx2.ConvertToVector256Int16(block + Q4KPanels.PackedScales + sub / 2 * 32 + half * 16);
        return sub % 2 == 0 ? ScalePairs.First(pairs) : ScalePairs.Second(pairs);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadFirst(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1) =>
        NibbleBytes.LoadLow(block + Q4KPanels.PackedNibbles + eight * 64, out w0, out w1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadSecond(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1) =>
        NibbleBytes.LoadHigh(block + Q4KPanels.PackedNibbles + eight * 64, out w0, out w1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadFactor512(byte* block, int row) => Vector512.Create(LoadFactor(block, row), LoadFactor(block, row + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> LoadMins512(byte* block, nint pair) =>
        Avx512BW.ConvertToVector512Int16(Vector256.Load(block + Q4KPanels.PackedMins + pair * 32));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> LoadScales512(byte* block, nint sub)
    {
        var pairs = Avx512BW.ConvertToVector512Int16(Vector256.Load(block + Q4KPanels.PackedScales + sub / 2 * 32));
        return sub % 2 == 0 ? ScalePairs.First(pairs) : ScalePairs.Second(pairs);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* block, nint eight, out Vector512<byte> first, out Vector512<byte> second) =>
        NibbleBytes.Load(block + Q4KPanels.PackedNibbles + eight * 64, out first, out second);
}

/// <summary>Blocks spread for reuse.</summary>
internal readonly unsafe struct UnpackedQ4K : IQ4KBlocks
{
    public static int BlockBytes => Q4KPanels.UnpackedBlockBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadFactor(byte* block, int row) => Vector256.Load((float*)block + row);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> LoadMins(byte* block, nint pair, int half) =>
        Vector256.Load((short*)(block + Q4KPanels.UnpackedMins) + pair * 32 + half * 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> LoadScales(byte* block, nint sub, int half) =>
        Vector256.Load((short*)(block + Q4KPanels.UnpackedScales) + sub * 32 + half * 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadFirst(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1)
    {
        w0 = Vector256.Load(block + Q4KPanels.UnpackedBytes + eight * 128);
        w1 = Vector256.Load(block + Q4KPanels.UnpackedBytes + eight * 128 + 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadSecond(byte* block, nint eight, out Vector256<byte> w0, out Vector256<byte> w1)
    {
        w0 = Vector256.Load(block + Q4KPanels.UnpackedBytes + eight * 128 + 64);
        w1 = Vector256.Load(block + Q4KPanels.UnpackedBytes + eight * 128 + 96);
    }
}
