using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Fathom.Storage;

/// <summary>A checksum that a storage function can afford: four lanes of h = rotl((h ^ w)·P, 29) over 64-bit words, folded (docs/formats/bpf-kv.md).</summary>
/// <remarks>Each step is a bijection of its word, and multiplications are all it needs.</remarks>
public static class WordMix
{
    /// <summary>P.</summary>
    public const ulong Prime = 0x9E3779B185EBCA87;

    /// <summary>mix(seed, words): the bytes as little-endian words; what is missing of the last word counts as zero.</summary>
    public static ulong Of(ulong seed, ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        ulong h0 = unchecked(seed + Prime), h1 = unchecked(h0 + Prime), h2 = unchecked(h1 + Prime), h3 = unchecked(h2 + Prime);
        var i = 0;
        for (; i + 4 <= words.Length; i += 4)
        {
            h0 = Round(h0, Little(words[i]));
            h1 = Round(h1, Little(words[i + 1]));
            h2 = Round(h2, Little(words[i + 2]));
            h3 = Round(h3, Little(words[i + 3]));
        }
        var count = words.Length + ((bytes.Length & 7) != 0 ? 1 : 0);
        for (; i < count; i++)
        {
            var word = i < words.Length ? Little(words[i]) : Partial(bytes[(words.Length * 8)..]);
            switch (i & 3)
            {
                case 0: h0 = Round(h0, word); break;
                case 1: h1 = Round(h1, word); break;
                case 2: h2 = Round(h2, word); break;
                default: h3 = Round(h3, word); break;
            }
        }
        return Fold((ulong)count, h0, h1, h2, h3);
    }

    /// <summary>One step.</summary>
    public static ulong Round(ulong h, ulong word) => BitOperations.RotateLeft(unchecked((h ^ word) * Prime), 29);

    /// <summary>The end: the lanes after <paramref name="count"/> words.</summary>
    public static ulong Fold(ulong count, ulong h0, ulong h1, ulong h2, ulong h3)
    {
        var x = Round(Round(Round(Round(count, h0), h1), h2), h3);
        x ^= x >> 32;
        x = unchecked(x * Prime);
        return x ^ (x >> 29);
    }

    private static ulong Little(ulong word) => BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);

    private static ulong Partial(ReadOnlySpan<byte> tail)
    {
        ulong word = 0;
        for (var i = 0; i < tail.Length; i++)
            word |= (ulong)tail[i] << (8 * i);
        return word;
    }
}
