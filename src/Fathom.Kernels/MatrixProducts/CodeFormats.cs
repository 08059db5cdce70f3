using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Formats;

namespace Fathom.Kernels.MatrixProducts;

// How each type's blocks lie in the file is written beside its decoder in Formats.

/// <summary>What the types of one half, perhaps a minimum, and nibbles share.</summary>
internal static unsafe class SmallBlockCodes
{
    /// <summary>16 bytes: low nibbles are columns 0-15, high ones 16-31; with a word of fifth bits if there is one.</summary>
    public static void Read(byte* nibbles, uint fifthBits, ref RowCodes row)
    {
        for (var j = 0; j < 16; j++)
        {
            row.Codes[j] = (byte)(nibbles[j] & 15u | (fifthBits >> j & 1) << 4);
            row.Codes[j + 16] = (byte)((uint)nibbles[j] >> 4 | (fifthBits >> (j + 16) & 1) << 4);
        }
    }
}

internal readonly unsafe struct CodesQ4_1 : ICodeFormat
{
    public static int SourceBytes => 20;

    public static int BlockColumns => 32;

    public static int SubColumns => 32;

    public static int Bits => 4;

    public static bool HasMins => true;

    public static bool HasNibbleScales => false;

    public static bool HasExponentFactor => false;

    public static int Level(int code) => code;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Levels(Vector256<byte> codes) => codes.AsSByte();

    public static void Read(byte* source, ref RowCodes row)
    {
        (row.Factor, row.MinFactor) = (((short*)source)[0], ((short*)source)[1]);
        SmallBlockCodes.Read(source + 4, 0, ref row);
    }
}

internal readonly unsafe struct CodesQ5_0 : ICodeFormat
{
    public static int SourceBytes => 22;

    public static int BlockColumns => 32;

    public static int SubColumns => 32;

    public static int Bits => 5;

    public static bool HasMins => false;

    public static bool HasNibbleScales => false;

    public static bool HasExponentFactor => false;

    public static int Level(int code) => code - 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Levels(Vector256<byte> codes) => codes.AsSByte() - Vector256.Create((sbyte)16);

    public static void Read(byte* source, ref RowCodes row)
    {
        row.Factor = *(short*)source;
        SmallBlockCodes.Read(source + 6, *(uint*)(source + 2), ref row);
    }
}

internal readonly unsafe struct CodesQ5_1 : ICodeFormat
{
    public static int SourceBytes => 24;

    public static int BlockColumns => 32;

    public static int SubColumns => 32;

    public static int Bits => 5;

    public static bool HasMins => true;

    public static bool HasNibbleScales => false;

    public static bool HasExponentFactor => false;

    public static int Level(int code) => code;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Levels(Vector256<byte> codes) => codes.AsSByte();

    public static void Read(byte* source, ref RowCodes row)
    {
        (row.Factor, row.MinFactor) = (((short*)source)[0], ((short*)source)[1]);
        SmallBlockCodes.Read(source + 8, *(uint*)(source + 4), ref row);
    }
}

internal readonly unsafe struct CodesIQ4_NL : ICodeFormat
{
    public static int SourceBytes => 18;

    public static int BlockColumns => 32;

    public static int SubColumns => 32;

    public static int Bits => 4;

    public static bool HasMins => false;

    public static bool HasNibbleScales => false;

    public static bool HasExponentFactor => false;

    public static int Level(int code) => TableCodec.UnevenLevels[code];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Levels(Vector256<byte> codes)
    {
        // TableCodec.UnevenLevels, once in each half.
        var table = Vector128.Create(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
        return Avx2.Shuffle(Vector256.Create(table, table), codes.AsSByte());
    }

    public static void Read(byte* source, ref RowCodes row)
    {
        row.Factor = *(short*)source;
        SmallBlockCodes.Read(source + 2, 0, ref row);
    }
}

internal readonly unsafe struct CodesMXFP4 : ICodeFormat
{
    public static int SourceBytes => 17;

    public static int BlockColumns => 32;

    public static int SubColumns => 32;

    public static int Bits => 4;

    public static bool HasMins => false;

    public static bool HasNibbleScales => false;

    public static bool HasExponentFactor => true;

    public static int Level(int code) => TableCodec.DoubledE2M1[code];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Levels(Vector256<byte> codes)
    {
        // TableCodec.DoubledE2M1, once in each half.
        var table = Vector128.Create(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
        return Avx2.Shuffle(Vector256.Create(table, table), codes.AsSByte());
    }

    public static void Read(byte* source, ref RowCodes row)
    {
        row.Factor = source[0];
        SmallBlockCodes.Read(source + 1, 0, ref row);
    }
}

internal readonly unsafe struct CodesQ5_K : ICodeFormat
{
    public static int SourceBytes => 176;

    public static int BlockColumns => 256;

    public static int SubColumns => 32;

    public static int Bits => 5;

    public static bool HasMins => true;

    public static bool HasNibbleScales => false;

    public static bool HasExponentFactor => false;

    public static int Level(int code) => code;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Levels(Vector256<byte> codes) => codes.AsSByte();

    public static void Read(byte* source, ref RowCodes row)
    {
        (row.Factor, row.MinFactor) = (((short*)source)[0], ((short*)source)[1]);
        for (var sub = 0; sub < 8; sub++)
        {
            var (scale, min) = SuperBlockDecoder.ScaleAndMin(new ReadOnlySpan<byte>(source + 4, 12), sub);
            (row.Scales[sub], row.Mins[sub]) = ((sbyte)scale, (byte)min);
            for (var l = 0; l < 32; l++)
                row.Codes[sub * 32 + l] = (byte)(source[48 + sub / 2 * 32 + l] >> sub % 2 * 4 & 15 | (source[16 + l] >> sub & 1) << 4);
        }
    }
}

internal readonly unsafe struct CodesQ2_K : ICodeFormat
{
    public static int SourceBytes => 84;

    public static int BlockColumns => 256;

    public static int SubColumns => 16;

    public static int Bits => 2;

    public static bool HasMins => true;

    public static bool HasNibbleScales => true;

    public static bool HasExponentFactor => false;

    public static int Level(int code) => code;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Levels(Vector256<byte> codes) => codes.AsSByte();

    public static void Read(byte* source, ref RowCodes row)
    {
        (row.Factor, row.MinFactor) = (((short*)(source + 80))[0], ((short*)(source + 80))[1]);
        for (var sub = 0; sub < 16; sub++)
        {
            (row.Scales[sub], row.Mins[sub]) = ((sbyte)(source[sub] & 15), (byte)(source[sub] >> 4));
            for (var l = 0; l < 16; l++)
                row.Codes[sub * 16 + l] = (byte)(source[16 + sub / 8 * 32 + sub % 2 * 16 + l] >> sub % 8 / 2 * 2 & 3);
        }
    }
}

internal readonly unsafe struct CodesQ3_K : ICodeFormat
{
    public static int SourceBytes => 110;

    public static int BlockColumns => 256;

    public static int SubColumns => 16;

    public static int Bits => 3;

    public static bool HasMins => false;

    public static bool HasNibbleScales => false;

    public static bool HasExponentFactor => false;

    public static int Level(int code) => code - 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Levels(Vector256<byte> codes) => codes.AsSByte() - Vector256.Create((sbyte)4);

    public static void Read(byte* source, ref RowCodes row)
    {
        row.Factor = *(short*)(source + 108);
        for (var sub = 0; sub < 16; sub++)
        {
            row.Scales[sub] = (sbyte)(SuperBlockDecoder.ScaleQ3_K(new ReadOnlySpan<byte>(source + 96, 12), sub) - 32);
            for (var l = 0; l < 16; l++)
            {
                var low = source[32 + sub / 8 * 32 + sub % 2 * 16 + l] >> sub % 8 / 2 * 2 & 3;
                row.Codes[sub * 16 + l] = (byte)(low | (source[sub % 2 * 16 + l] >> sub / 2 & 1) << 2);
            }
        }
    }
}
