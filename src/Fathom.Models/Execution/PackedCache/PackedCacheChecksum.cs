using System.Numerics;
using System.Runtime.InteropServices;
using Fathom.Memory;

namespace Fathom.Models.Execution.PackedCache;

/// <summary>CRC-32C of large matrices, in four strands: the instruction's latency is three cycles and its rate one.</summary>
internal static class PackedCacheChecksum
{
    private const long StripBytes = 1 << 20;

    /// <summary>The CRC-32C of the four strands' CRC-32Cs (words 0, 4, 8, ...; 1, 5, 9, ...; ...), strip by strip, and of the tail.</summary>
    public static uint Of(NativeView bytes)
    {
        uint a = 1, b = 2, c = 3, d = 4;
        for (long offset = 0; offset < bytes.Length; offset += StripBytes)
        {
            NativeView strip = bytes.Slice(offset, Math.Min(StripBytes, bytes.Length - offset));
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(strip.AsSpan<byte>());
            for (; words.Length >= 4; words = words[4..])
            {
                a = BitOperations.Crc32C(a, words[0]);
                b = BitOperations.Crc32C(b, words[1]);
                c = BitOperations.Crc32C(c, words[2]);
                d = BitOperations.Crc32C(d, words[3]);
            }

            foreach (byte value in strip.AsSpan<byte>()[(int)(strip.Length & ~31L)..])
                a = BitOperations.Crc32C(a, value);
        }

        return BitOperations.Crc32C(BitOperations.Crc32C(a, (ulong)b << 32 | c), d);
    }
}
