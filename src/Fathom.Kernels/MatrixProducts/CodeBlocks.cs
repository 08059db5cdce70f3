using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Formats;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Codes of 2 to 5 bits in panels, read as int16 in registers.</summary>
/// <remarks>
/// A block of 16 rows: factors[16]; half minimum factors[16] if there are minima; with 256 columns, scales [sub-blocks, 16] and
/// minima [sub-blocks, 16] as bytes; then bit planes. Byte i (0 or 1) of a row in a plane belongs to columns 2p + i of pairs p:
/// <code>
/// lower 4 bits   [quads of 4 columns, 16 rows, 2]     byte = pair 1 | pair 0                 (4 bits each; types of 4 and 5 bits)
/// lower 2 bits   [octets of 8 columns, 16 rows, 2]    byte = pair 3 | 2 | 1 | 0              (2 bits each; types of 2 and 3 bits)
/// top bit        [16 columns, 16 rows, 2]             byte = pair 7 | ... | 1 | 0            (1 bit each; types of 3 and 5 bits)
/// </code>
/// so a load of 32 bytes, a shift and a mask give two columns of 16 rows in the order that maddwd wants.
/// </remarks>
internal readonly unsafe struct CodeBlocks<TFormat> : IWideBlocks, IBlockPacker
    where TFormat : struct, ICodeFormat
{
    public static int BlockColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.BlockColumns;
    }

    public static int SubColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.SubColumns;
    }

    public static bool HasMins
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.HasMins;
    }

    public static int Columns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.BlockColumns;
    }

    public static int SourceBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.SourceBytes;
    }

    public static int PackedBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => BlockBytes;
    }

    public static int BlockBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => HighAt + (HasHighPlane ? TFormat.BlockColumns * 2 : 0);
    }

    private static bool HasSubScales
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.BlockColumns == 256;
    }

    private static bool HasHighPlane
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.Bits % 2 == 1;
    }

    private static int LowBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.Bits & ~1;
    }

    private static int MinFactorsAt
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.HasExponentFactor ? 16 : 32;
    }

    private static int ScalesAt
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => MinFactorsAt + (HasMins ? 32 : 0);
    }

    private static int SubScaleBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => HasSubScales ? 256 / TFormat.SubColumns * 16 : 0;
    }

    private static int MinsAt
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.HasNibbleScales ? ScalesAt : ScalesAt + SubScaleBytes;
    }

    private static int LowAt
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => MinsAt + (HasMins || TFormat.HasNibbleScales ? SubScaleBytes : 0);
    }

    private static int HighAt
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => LowAt + TFormat.BlockColumns * 2 * LowBits;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadScales(byte* block, nint sub, int half)
    {
        var factors = TFormat.HasExponentFactor ? Exponents(block + half * 8) : HalfLanes.Load8((short*)block + half * 8);
        if (!HasSubScales)
            return factors;
        // Eleven bits times six: exact.
        var bytes = Avx2.ConvertToVector256Int32((sbyte*)block + ScalesAt + sub * 16 + half * 8);
        if (TFormat.HasNibbleScales)
            bytes &= Vector256.Create(15);
        return factors * Vector256.ConvertToSingle(bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadMins(byte* block, nint sub, int half)
    {
        var factors = HalfLanes.Load8((short*)(block + MinFactorsAt) + half * 8);
        if (!HasSubScales)
            return factors;
        var bytes = Avx2.ConvertToVector256Int32(block + MinsAt + sub * 16 + half * 8);
        if (TFormat.HasNibbleScales)
            bytes >>>= 4;
        return -factors * Vector256.ConvertToSingle(bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        byte* block, nint quad, out Vector256<short> w00, out Vector256<short> w01, out Vector256<short> w10, out Vector256<short> w11)
    {
        LoadLevels(block, quad, out var p0, out var p1);
        w00 = Avx2.ConvertToVector256Int16(p0.GetLower());
        w01 = Avx2.ConvertToVector256Int16(p0.GetUpper());
        w10 = Avx2.ConvertToVector256Int16(p1.GetLower());
        w11 = Avx2.ConvertToVector256Int16(p1.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* block, nint quad, out Vector512<short> w0, out Vector512<short> w1)
    {
        LoadLevels(block, quad, out var p0, out var p1);
        w0 = Avx512BW.ConvertToVector512Int16(p0);
        w1 = Avx512BW.ConvertToVector512Int16(p1);
    }

    public static int Value(byte* block, int lane, int column)
    {
        var (pair, at) = (column / 2, lane * 2 + column % 2);
        var code = LowBits == 4
            ? block[LowAt + pair / 2 * 32 + at] >> pair % 2 * 4 & 15
            : block[LowAt + pair / 4 * 32 + at] >> pair % 4 * 2 & 3;
        if (HasHighPlane)
            code |= (block[HighAt + pair / 8 * 32 + at] >> pair % 8 & 1) << LowBits;
        return TFormat.Level(code);
    }

    public static float Scale(byte* block, int sub, int lane)
    {
        var factor = TFormat.HasExponentFactor ? TableCodec.HalfOfE8M0(block[lane]) : (float)((Half*)block)[lane];
        if (!HasSubScales)
            return factor;
        int scale = (sbyte)block[ScalesAt + sub * 16 + lane];
        return factor * (TFormat.HasNibbleScales ? scale & 15 : scale);
    }

    public static float Min(byte* block, int sub, int lane)
    {
        var factor = (float)((Half*)(block + MinFactorsAt))[lane];
        if (!HasSubScales)
            return factor;
        int min = block[MinsAt + sub * 16 + lane];
        return -factor * (TFormat.HasNibbleScales ? min >> 4 : min);
    }

    public static void Pack(byte* source, long rowBytes, int rows, byte* target)
    {
        RowCodes row = default;
        for (var lane = 0; lane < rows; lane++)
        {
            TFormat.Read(source + lane * rowBytes, ref row);
            if (TFormat.HasExponentFactor)
                target[lane] = (byte)row.Factor;
            else
                ((short*)target)[lane] = row.Factor;
            if (HasMins)
                ((short*)(target + MinFactorsAt))[lane] = row.MinFactor;
            for (var sub = 0; sub < SubScaleBytes / 16; sub++)
            {
                target[ScalesAt + sub * 16 + lane] = (byte)row.Scales[sub];
                if (HasMins)
                    target[MinsAt + sub * 16 + lane] = TFormat.HasNibbleScales ? (byte)((row.Scales[sub] & 15) | row.Mins[sub] << 4) : row.Mins[sub];
            }
            PackPlanes(row, lane, target);
        }
    }

    private static void PackPlanes(in RowCodes row, int lane, byte* target)
    {
        for (var column = 0; column < TFormat.BlockColumns; column++)
        {
            var (pair, at) = (column / 2, lane * 2 + column % 2);
            int code = row.Codes[column];
            if (LowBits == 4)
                target[LowAt + pair / 2 * 32 + at] |= (byte)((code & 15) << pair % 2 * 4);
            else
                target[LowAt + pair / 4 * 32 + at] |= (byte)((code & 3) << pair % 4 * 2);
            if (HasHighPlane)
                target[HighAt + pair / 8 * 32 + at] |= (byte)(code >> LowBits << pair % 8);
        }
    }

    /// <summary>Integers of columns 4·quad, +1 and +2, +3 for 16 rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadLevels(byte* block, nint quad, out Vector256<sbyte> p0, out Vector256<sbyte> p1)
    {
        // Shifts of 16-bit words move bits across bytes; the masks keep only those that stayed in theirs.
        Vector256<byte> c0, c1;
        if (LowBits == 4)
        {
            var bits = Vector256.Load((ushort*)(block + LowAt + quad * 32));
            c0 = bits.AsByte() & Vector256.Create((byte)15);
            c1 = (bits >>> 4).AsByte() & Vector256.Create((byte)15);
        }
        else
        {
            var bits = Vector256.Load((ushort*)(block + LowAt + quad / 2 * 32)) >>> ((int)quad % 2 * 4);
            c0 = bits.AsByte() & Vector256.Create((byte)3);
            c1 = (bits >>> 2).AsByte() & Vector256.Create((byte)3);
        }
        if (HasHighPlane)
        {
            var top = Vector256.Create((byte)(1 << LowBits));
            var bits = Vector256.Load((ushort*)(block + HighAt + quad / 4 * 32)) >>> ((int)quad % 4 * 2);
            c0 |= (bits << LowBits).AsByte() & top;
            c1 |= (bits << (LowBits - 1)).AsByte() & top;
        }
        p0 = TFormat.Levels(c0);
        p1 = TFormat.Levels(c1);
    }

    /// <summary>Eight powers of two 2^(e - 128); E8M0's smallest two are subnormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Exponents(byte* exponents)
    {
        var e = Avx2.ConvertToVector256Int32(exponents);
        var normal = (e - Vector256<int>.One) << 23;
        var subnormal = Vector256.Create(0x0020_0000) + (e << 21);
        return Vector256.ConditionalSelect(Vector256.LessThan(e, Vector256.Create(2)), subnormal, normal).AsSingle();
    }
}
