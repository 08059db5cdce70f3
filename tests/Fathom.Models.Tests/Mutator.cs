namespace Fathom.Models.Tests;

/// <summary>Seeded damage to a file: what disks, networks and adversaries do to headers.</summary>
internal sealed class Mutator(int seed)
{
    private static readonly ulong[] Extremes =
        [0, 1, 2, 7, 8, 31, 32, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, long.MaxValue, 1UL << 63, ulong.MaxValue];

    private readonly Random _random = new(seed);

    /// <summary>A damaged copy; damage falls within the first <paramref name="headBytes"/> bytes, where structure is.</summary>
    public byte[] Mutate(ReadOnlySpan<byte> original, int headBytes)
    {
        byte[] bytes = original.ToArray();
        int head = Math.Min(headBytes, bytes.Length);
        for (int rounds = _random.Next(1, 4); rounds > 0 && bytes.Length > 0; rounds--)
        {
            head = Math.Min(head, bytes.Length);
            int at = _random.Next(head);
            switch (_random.Next(7))
            {
                case 0: bytes[at] ^= (byte)(1 << _random.Next(8)); break;
                case 1: bytes[at] = (byte)_random.Next(256); break;
                case 2: bytes = bytes[..at]; break;
                case 3: Overwrite(bytes, at, Extremes[_random.Next(Extremes.Length)], 8); break;
                case 4: Overwrite(bytes, at, Extremes[_random.Next(Extremes.Length)], 4); break;
                case 5: bytes = [.. bytes[..at], .. bytes[_random.Next(head)..head].Take(_random.Next(64)), .. bytes[at..]]; break;
                default: bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + _random.Next(1, 32))..]]; break;
            }
        }

        return bytes;
    }

    private static void Overwrite(byte[] bytes, int at, ulong value, int count)
    {
        for (int i = 0; i < count && at + i < bytes.Length; i++)
            bytes[at + i] = (byte)(value >> (8 * i));
    }
}
