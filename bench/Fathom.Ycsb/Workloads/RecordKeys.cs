using System.Buffers.Text;
using System.Runtime.InteropServices;

namespace Fathom.Ycsb.Workloads;

/// <summary>Keys and values of records: "user" and the FNV hash of the record's number, as YCSB names them; values of random bytes.</summary>
internal static class RecordKeys
{
    /// <summary>Longest key.</summary>
    public const int KeyBytesMax = 24;

    /// <summary>Writes the key of a record; returns its bytes.</summary>
    public static int Write(long number, Span<byte> key)
    {
        "user"u8.CopyTo(key);
        Utf8Formatter.TryFormat(Hash(number), key[4..], out var digits);
        return 4 + digits;
    }

    /// <summary>64-bit FNV-1 hash of the number's eight bytes, without its sign.</summary>
    public static long Hash(long number)
    {
        var hash = 0xCBF29CE484222325UL;
        for (var i = 0; i < 8; i++)
        {
            hash ^= (byte)(number >> (8 * i));
            hash = unchecked(hash * 1099511628211);
        }
        return Math.Abs((long)hash == long.MinValue ? 0 : (long)hash);
    }

    /// <summary>Fills a value with bytes that do not compress.</summary>
    public static void Fill(Span<byte> value, BenchmarkRandom random)
    {
        foreach (ref var word in MemoryMarshal.Cast<byte, ulong>(value))
            word = random.NextBits();
    }
}
