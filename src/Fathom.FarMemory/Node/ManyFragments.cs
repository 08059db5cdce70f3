using System.Runtime.InteropServices;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Node;

/// <summary>Payloads of <see cref="MessageKind.ReadMany"/>: fragments one way; a status for each and then all their bytes the other.</summary>
/// <remarks>A fragment that cannot be read has zeros in its place, so that the others stand where they are expected.</remarks>
internal static class ManyFragments
{
    private const int FragmentsMax = 1 << 14;

    /// <summary>Bytes of a request.</summary>
    public static long RequestBytes(int fragments) => (long)fragments * FragmentReader.FragmentBytes;

    /// <summary>Bytes of the statuses in an answer, a multiple of 8 so that what follows is aligned.</summary>
    public static int StatusBytes(int fragments) => (fragments + 7) / 8 * 8;

    public static void WriteRequest(List<FragmentRange> from, Span<byte> payload)
    {
        var words = new FragmentWriter(payload);
        foreach (var range in from)
            words.Fragment(range);
    }

    public static WireStatus StatusAt(NativeView answer, int fragment) => (WireStatus)answer.AsSpan<byte>()[fragment];

    /// <summary>Answers a request from a node's store.</summary>
    public static WireStatus Answer(NodeStore store, NativeView payload, GrowingBuffer answers, out NativeView answer)
    {
        answer = default;
        var count = payload.Length / FragmentReader.FragmentBytes;
        if (count is 0 or > FragmentsMax || payload.Length % FragmentReader.FragmentBytes != 0)
            return WireStatus.BadRequest;
        var from = new List<FragmentRange>((int)count);
        var bytes = (long)StatusBytes((int)count);
        var words = new FragmentReader(payload.AsSpan<byte>());
        for (var left = count; left > 0; left--)
        {
            from.Add(words.Fragment());
            bytes += from[^1].Length;
        }
        if (!words.Holds || bytes > FrameHeader.PayloadBytesMax)
            return WireStatus.BadRequest;
        answer = answers.View(bytes);
        Read(store, from, answer);
        return WireStatus.Done;
    }

    /// <summary>Fills an answer.</summary>
    public static void Read(NodeStore store, List<FragmentRange> from, NativeView answer)
    {
        var statuses = answer.AsSpan<byte>()[..StatusBytes(from.Count)];
        statuses.Clear();
        var offset = (long)statuses.Length;
        var at = 0;
        foreach (ref readonly var range in CollectionsMarshal.AsSpan(from))
        {
            var place = answer.Slice(offset, range.Length);
            var status = range.Length == 0 ? WireStatus.BadRequest : store.Read(range, place, out _);
            statuses[at++] = (byte)status;
            if (status != WireStatus.Done)
                place.AsSpan<byte>().Clear();
            offset += range.Length;
        }
    }
}
