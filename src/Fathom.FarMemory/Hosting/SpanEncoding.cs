using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.SpanSets;

namespace Fathom.FarMemory.Hosting;

/// <summary>From the spans that a caller hands over to the fragments that nodes store. Runs on the caller's thread, outside of any lock.</summary>
internal static class SpanEncoding
{
    /// <exception cref="ArgumentException">The spans differ in length, are empty, or cannot be cut into equal chunks.</exception>
    public static void Fill(WriteWaiter waiter, FragmentCode code, RedundancyScheme scheme, ReadOnlySpan<SpanImage> spans)
    {
        var write = waiter.Write;
        var length = spans[0].Bytes.Length;
        foreach (var span in spans)
        {
            if (span.Bytes.Length != length || length == 0)
                throw new ArgumentException("The spans of a set must have one length, and some bytes.", nameof(spans));
        }
        write.SpanCount = spans.Length;
        write.SpanBytes = checked((int)length);
        Array.Clear(write.Fragments);
        var data = write.Fragments.AsSpan(0, code.DataFragments);
        if (scheme == RedundancyScheme.ErasureSplit)
        {
            if (length % code.DataFragments != 0)
                throw new ArgumentException($"A span of {length} bytes cannot be cut into {code.DataFragments} equal chunks.", nameof(spans));
            length /= code.DataFragments;
            for (var i = 0; i < data.Length; i++)
                data[i] = spans[0].Bytes.Slice(i * length, length);
        }
        else
        {
            for (var i = 0; i < spans.Length; i++)
                data[i] = spans[i].Bytes;
        }
        write.FragmentBytes = (int)length;
        var parity = write.Fragments.AsSpan(code.DataFragments);
        if (code.DataFragments == 1)
        {
            parity.Fill(data[0]); // copies: the same bytes, sent once more
        }
        else if (parity.Length > 0)
        {
            var scratch = waiter.Scratch(parity.Length * length);
            for (var j = 0; j < parity.Length; j++)
                parity[j] = scratch.Slice(j * length, length);
            code.Encode(data, parity);
        }
        for (var i = 0; i < write.Fragments.Length; i++)
            write.Checksums[i] = Checksum(write, i, code.DataFragments == 1);
    }

    private static uint Checksum(SwapOut write, int index, bool areCopies)
    {
        if (areCopies && index > 0)
            return write.Checksums[0];
        var fragment = write.Fragments[index];
        return fragment.Length == 0 ? 0 : Crc32C.Compute(fragment);
    }
}
