using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fathom.Memory;

namespace Fathom.FarMemory.Integrity;

/// <summary>CRC-32C (Castagnoli, reflected 0x82F63B78, initial and final xor of all ones): the checksum of spans and frames.</summary>
/// <remarks>
/// The processor's CRC instruction takes three cycles and can start one each cycle, so long inputs run as three chains that are
/// joined at the end by a table that advances a CRC over a fixed number of zero bytes. Allocates nothing.
/// </remarks>
public static class Crc32C
{
    private const int ChainBytes = 1024;
    private const uint Polynomial = 0x82F63B78;

    /// <summary>Advances a CRC register over <see cref="ChainBytes"/> zero bytes: four tables of 256, one per byte of the register.</summary>
    private static readonly uint[] ChainShift = BuildShift(ChainBytes);

    /// <summary>The checksum of <paramref name="data"/>.</summary>
    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>The checksum of a range of native memory of any length.</summary>
    public static uint Compute(NativeView data)
    {
        const long pieceBytes = 1 << 30;
        uint crc = 0;
        for (long offset = 0; offset < data.Length; offset += pieceBytes)
            crc = Append(crc, data.Slice(offset, Math.Min(pieceBytes, data.Length - offset)).AsSpan<byte>());
        return crc;
    }

    /// <summary>The checksum of what <paramref name="crc"/> was computed over, followed by <paramref name="data"/>.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        var register = ~crc;
        ref var start = ref MemoryMarshal.GetReference(data);
        nint offset = 0;
        nint length = data.Length;
        for (; offset <= length - 3 * ChainBytes; offset += 3 * ChainBytes)
        {
            uint second = 0, third = 0;
            for (nint i = 0; i < ChainBytes; i += 8)
            {
                register = BitOperations.Crc32C(register, ReadWord(ref start, offset + i));
                second = BitOperations.Crc32C(second, ReadWord(ref start, offset + ChainBytes + i));
                third = BitOperations.Crc32C(third, ReadWord(ref start, offset + 2 * ChainBytes + i));
            }
            register = Shift(register) ^ second;
            register = Shift(register) ^ third;
        }
        for (; offset <= length - 8; offset += 8)
            register = BitOperations.Crc32C(register, ReadWord(ref start, offset));
        for (; offset < length; offset++)
            register = BitOperations.Crc32C(register, Unsafe.Add(ref start, offset));
        return ~register;
    }

    private static ulong ReadWord(ref byte start, nint offset)
    {
        var word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, offset));
        return BitConverter.IsLittleEndian ? word : System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(word);
    }

    private static uint Shift(uint register) =>
        ChainShift[register & 0xFF]
        ^ ChainShift[256 + ((register >> 8) & 0xFF)]
        ^ ChainShift[512 + ((register >> 16) & 0xFF)]
        ^ ChainShift[768 + (register >> 24)];

    private static uint[] BuildShift(int zeroBytes)
    {
        // The register after n zero bytes is linear in the register before: 32 images of single bits span all of them.
        Span<uint> images = stackalloc uint[32];
        for (var bit = 0; bit < 32; bit++)
        {
            var register = 1u << bit;
            for (var step = 0; step < zeroBytes * 8; step++)
                register = (register & 1) != 0 ? (register >> 1) ^ Polynomial : register >> 1;
            images[bit] = register;
        }
        var tables = new uint[4 * 256];
        for (var value = 0; value < 256; value++)
        {
            for (var part = 0; part < 4; part++)
            {
                uint sum = 0;
                for (var bit = 0; bit < 8; bit++)
                    sum ^= (value >> bit & 1) != 0 ? images[part * 8 + bit] : 0;
                tables[part * 256 + value] = sum;
            }
        }
        return tables;
    }
}
