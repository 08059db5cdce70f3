namespace Fathom.Storage.KeyValue.Format;

/// <summary>The checksum of a key.</summary>
internal static class KeyMix
{
    /// <summary>mix(key length, key words): the key's bytes, zero-padded, each 8 as a big-endian number.</summary>
    public static ulong Of(ReadOnlySpan<byte> key)
    {
        Span<ulong> h = stackalloc ulong[4];
        for (var lane = 0; lane < 4; lane++)
            h[lane] = unchecked((ulong)key.Length + (ulong)(lane + 1) * WordMix.Prime);
        var count = 0;
        for (var rest = key; rest.Length > 0; count++)
        {
            h[count & 3] = WordMix.Round(h[count & 3], KeyOrder.Head(rest));
            rest = rest[Math.Min(8, rest.Length)..];
        }
        return WordMix.Fold((ulong)count, h[0], h[1], h[2], h[3]);
    }
}
