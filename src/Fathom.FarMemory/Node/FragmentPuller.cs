using System.Diagnostics;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.SpanSets;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Node;

/// <summary>
/// Makes fragments from those of other nodes: each peer is asked once for everything that is wanted of it, all peers at the same
/// time, and every fragment ends on its own. A peer that fails costs the fragments that need it, no others.
/// </summary>
/// <remarks>Owned by a session; its connection's thread.</remarks>
internal sealed class FragmentPuller(NodeStore store, PeerLinks peers) : IDisposable
{
    private readonly PullRequest _request = new();
    private readonly GrowingBuffer _memory = new();
    private readonly NativeView[] _sources = new NativeView[PullRequest.PartsPerItemMax];
    private readonly byte[] _coefficients = new byte[PullRequest.PartsPerItemMax];

    /// <summary>Carries a pull out.</summary>
    /// <param name="payload">Of the request.</param>
    /// <param name="owner">Compute process that asks.</param>
    /// <param name="epoch">Its fencing epoch.</param>
    /// <param name="deadline">When the requester stops waiting.</param>
    /// <param name="answers">Room for the answer.</param>
    /// <param name="answer">For each fragment its status and the place of the part it failed at, from 1.</param>
    public WireStatus Run(NativeView payload, ComputeId owner, Epoch epoch, long deadline, GrowingBuffer answers, out NativeView answer)
    {
        answer = default;
        if (!_request.TryRead(payload.AsSpan<byte>()))
            return WireStatus.BadRequest;
        // One sum first, then what each peer answers.
        var memory = _memory.View(_request.ItemBytesMax + _request.AnswerBytes);
        var sum = memory.Slice(0, _request.ItemBytesMax);
        Fetch(memory.Slice(_request.ItemBytesMax, _request.AnswerBytes), PeerDeadline(deadline));
        answer = answers.View(2L * _request.Items.Count);
        var words = new FragmentWriter(answer.AsSpan<byte>());
        foreach (var item in _request.Items)
        {
            var status = Make(item, sum, owner, epoch, out var failedPart);
            words.Byte((byte)status);
            words.Byte((byte)failedPart);
        }
        return WireStatus.Done;
    }

    public void Dispose() => _memory.Dispose();

    /// <summary>A peer that does not answer is found out, and named, before the requester gives up on this node.</summary>
    private static long PeerDeadline(long deadline)
    {
        var now = Stopwatch.GetTimestamp();
        return deadline <= now ? deadline : now + (deadline - now) / 4 * 3;
    }

    private void Fetch(NativeView memory, long deadline)
    {
        foreach (var read in _request.Reads)
        {
            if (read.From.Count > 0 && read.Peer.Incarnation != store.Incarnation)
                read.Call = peers.BeginReadMany(read.Peer, read.From, deadline);
        }
        var offset = 0L;
        foreach (var read in _request.Reads)
        {
            if (read.From.Count == 0)
                continue;
            read.Answer = memory.Slice(offset, read.AnswerBytes);
            offset += read.AnswerBytes;
            read.Status = WireStatus.Done;
            if (read.Peer.Incarnation == store.Incarnation)
                ManyFragments.Read(store, read.From, read.Answer);
            else
                read.Status = peers.EndReadMany(read.Call, read.Answer, deadline);
            read.Call = null;
        }
    }

    private WireStatus Make(in PullItem item, NativeView memory, ComputeId owner, Epoch epoch, out int failedPart)
    {
        for (var i = 0; i < item.Parts; i++)
        {
            var part = _request.Parts[item.FirstPart + i];
            var status = part.Read.StatusOf(part.Index);
            failedPart = i + 1;
            if (status != WireStatus.Done)
                return status is WireStatus.Corrupt or WireStatus.DeadlinePassed ? status : WireStatus.PeerFailed;
            _sources[i] = part.Read.Answer.Slice(part.Offset, item.Target.Length);
            _coefficients[i] = part.Coefficient;
            if (Crc32C.Compute(_sources[i]) != part.Checksum)
                return WireStatus.Corrupt;
        }
        failedPart = 0;
        var sum = memory.Slice(0, item.Target.Length);
        FragmentCode.Combine(_sources.AsSpan(0, item.Parts), _coefficients.AsSpan(0, item.Parts), sum);
        // The requester knows what must come out: parts that do not belong together are caught before they become a fragment.
        return Crc32C.Compute(sum) != item.Checksum ? WireStatus.Corrupt : store.Write(item.Target, owner, epoch, sum, item.Checksum);
    }
}
