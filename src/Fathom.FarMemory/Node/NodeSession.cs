using Fathom.FarMemory.ErasureCode;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Node;

/// <summary>One caller's requests, carried out: from a request's header and payload to those of its answer.</summary>
/// <remarks>
/// Owned by the connection's thread. What comes in is hostile: every count, length and offset is checked here or in the store
/// before it is used. The answer's payload is valid until the next request.
/// </remarks>
internal sealed class NodeSession(NodeStore store, PeerLinks peers, DirectoryTerm term, Func<uint, int, int, int>? disrupt = null) : IFrameSession
{
    private const int PartsMax = 64;

    private readonly GrowingBuffer _answer = new();
    private readonly GrowingBuffer _scratch = new();
    private readonly FragmentPuller _puller = new(store, peers);
    private CallerRole _role;
    private ComputeId _caller;
    private ulong _term;

    /// <inheritdoc/>
    public NativeView Handle(ref FrameHeader frame, NativeView payload, long deadline)
    {
        var meant = frame.Incarnation;
        frame.Incarnation = store.Incarnation.Value;
        var answer = default(NativeView);
        frame.Status = _role == 0 && frame.Kind != MessageKind.Hello ? WireStatus.BadRequest
            : meant != 0 && meant != store.Incarnation.Value ? WireStatus.WrongIncarnation
            : Dispatch(ref frame, payload, deadline, ref answer);
        if (frame.Kind != MessageKind.Read)
            frame.PayloadChecksum = answer.Length == 0 ? 0 : Crc32C.Compute(answer);
        else if (answer.Length == 0)
            frame.PayloadChecksum = 0;
        frame.PayloadLength = (uint)answer.Length;
        return answer;
    }

    public void Dispose()
    {
        _answer.Dispose();
        _scratch.Dispose();
        _puller.Dispose();
    }

    private WireStatus Dispatch(ref FrameHeader frame, NativeView payload, long deadline, ref NativeView answer) => frame.Kind switch
    {
        MessageKind.Hello => Greet(ref frame),
        MessageKind.Heartbeat => Beat(ref frame),
        MessageKind.AllotRegion => Allot(frame),
        MessageKind.ReleaseRegion => !MayDirect() ? WireStatus.Fenced : store.Release(RegionOf(frame), new Epoch(frame.Epoch)),
        MessageKind.Fence => Fence(frame),
        MessageKind.Read => Read(ref frame, ref answer),
        MessageKind.Write => Write(frame, payload),
        MessageKind.Free => Free(frame, payload),
        MessageKind.Delta => Delta(payload, ref answer),
        MessageKind.ParityUpdate => AddToShadow(frame, payload),
        MessageKind.SendDelta => SendDelta(ref frame, payload, deadline),
        MessageKind.Prepare => store.Prepare(new OperationId(frame.OperationId), FragmentOf(frame), frame.Argument),
        MessageKind.Commit => Commit(ref frame),
        MessageKind.Abort => store.Abort(new OperationId(frame.OperationId), FragmentOf(frame)),
        MessageKind.Pull => _puller.Run(payload, _caller, new Epoch(frame.Epoch), deadline, _answer, out answer),
        MessageKind.ReadMany => ManyFragments.Answer(store, payload, _answer, out answer),
        MessageKind.Scrub => Scrub(ref frame),
        MessageKind.MapRegion => Map(frame, ref answer),
        MessageKind.Disrupt => Disrupt(ref frame),
        _ => WireStatus.BadRequest,
    };

    private static RegionId RegionOf(in FrameHeader frame) => new((ushort)frame.Region);

    private static FragmentRange FragmentOf(in FrameHeader frame) =>
        new(RegionOf(frame), frame.Offset, frame.Length, new Generation(frame.Generation));

    private WireStatus Greet(ref FrameHeader frame)
    {
        if (!Enum.IsDefined((CallerRole)frame.Argument2))
            return WireStatus.BadRequest;
        if ((CallerRole)frame.Argument2 == CallerRole.Directory && !term.Accept(frame.Epoch))
            return WireStatus.Fenced;
        _role = (CallerRole)frame.Argument2;
        _caller = new ComputeId(frame.Argument);
        _term = frame.Epoch;
        frame.Region = store.Node.Value;
        return Beat(ref frame);
    }

    private WireStatus Beat(ref FrameHeader frame)
    {
        frame.Region = store.Node.Value;
        frame.Argument = (ulong)(store.CapacityBytes - store.RegisteredBytes);
        frame.Offset = (ulong)store.CapacityBytes;
        frame.Length = (uint)store.RegionCount;
        frame.Argument2 = store.IsDraining ? 1u : 0;
        return WireStatus.Done;
    }

    /// <summary>A directory that another one has replaced must not allot any more, even over a connection from before.</summary>
    private bool MayDirect() => _role == CallerRole.Directory && term.Accept(_term);

    private WireStatus Disrupt(ref FrameHeader frame)
    {
        if (disrupt is null)
            return WireStatus.BadRequest;
        frame.Argument = (ulong)disrupt(frame.Argument2, (int)frame.OperationId, (int)Math.Min(frame.Argument, 1 << 20));
        return WireStatus.Done;
    }

    private WireStatus Allot(in FrameHeader frame) => MayDirect()
        ? store.Allot(RegionOf(frame), frame.Argument, new ComputeId(frame.OperationId), new Epoch(frame.Epoch), out _)
        : WireStatus.Fenced;

    private WireStatus Fence(in FrameHeader frame)
    {
        if (!MayDirect())
            return WireStatus.Fenced;
        store.Fence(new ComputeId(frame.Argument), new Epoch(frame.Epoch), reclaim: frame.Argument2 != 0);
        return WireStatus.Done;
    }

    /// <summary>Tells a compute process of this machine how to map one of its regions.</summary>
    private WireStatus Map(in FrameHeader frame, ref NativeView answer)
    {
        var status = store.Find(RegionOf(frame), _caller, new Epoch(frame.Epoch), out var region);
        if (status != WireStatus.Done)
            return status;
        if (region!.Shared is not { } shared)
            return WireStatus.BadRequest;
        answer = _answer.View(16);
        var words = new FragmentWriter(answer.AsSpan<byte>());
        words.UInt32((uint)Environment.ProcessId);
        words.UInt32((uint)shared.Descriptor);
        words.UInt64((ulong)region.Layout.DataBytes);
        return WireStatus.Done;
    }

    private WireStatus Read(ref FrameHeader frame, ref NativeView answer)
    {
        var from = FragmentOf(frame);
        if (from.Length == 0)
            return WireStatus.BadRequest;
        var bytes = _answer.View(from.Length);
        var status = store.Read(from, bytes, out var checksum);
        // The stored checksum travels on: the reader's comparison then covers the memory here as well as the way.
        frame.PayloadChecksum = checksum;
        if (status == WireStatus.Done)
            answer = bytes;
        return status;
    }

    private WireStatus Write(in FrameHeader frame, NativeView payload) => payload.Length == 0 || payload.Length != frame.Length
        ? WireStatus.BadRequest
        : store.Write(FragmentOf(frame), _caller, new Epoch(frame.Epoch), payload, frame.PayloadChecksum);

    private WireStatus Free(in FrameHeader frame, NativeView payload)
    {
        if (payload.Length % FragmentReader.FragmentBytes != 0)
            return WireStatus.BadRequest;
        var words = new FragmentReader(payload.AsSpan<byte>());
        var worst = WireStatus.Done;
        while (words.Rest.Length > 0)
        {
            var fragment = words.Fragment();
            var status = words.Holds ? store.Free(fragment, _caller, new Epoch(frame.Epoch)) : WireStatus.BadRequest;
            worst = status == WireStatus.Done ? worst : status;
        }
        return worst;
    }

    private WireStatus Delta(NativeView payload, ref NativeView answer)
    {
        var words = new FragmentReader(payload.AsSpan<byte>());
        var old = words.Fragment();
        var replacement = words.Fragment();
        if (!words.Holds || !IsPayloadSize(old.Length))
            return WireStatus.BadRequest;
        var delta = _answer.View(old.Length);
        var status = store.Delta(old, replacement, delta, _scratch.View(old.Length));
        if (status == WireStatus.Done)
            answer = delta;
        return status;
    }

    private WireStatus AddToShadow(in FrameHeader frame, NativeView payload)
    {
        if (payload.Length < ParityContribution.PrefaceBytes)
            return WireStatus.BadRequest;
        var words = new FragmentReader(payload.AsSpan<byte>());
        var preface = ParityContribution.Read(ref words);
        var owner = _role == CallerRole.Peer ? preface.Owner : _caller;
        var delta = payload.Slice(ParityContribution.PrefaceBytes, payload.Length - ParityContribution.PrefaceBytes);
        return !words.Holds
            ? WireStatus.BadRequest
            : store.AddToShadow(
                new OperationId(frame.OperationId), preface.Parity, preface.Target, owner, new Epoch(frame.Epoch), preface.Contributor, delta);
    }

    private WireStatus Commit(ref FrameHeader frame)
    {
        var status = store.Commit(new OperationId(frame.OperationId), FragmentOf(frame), _caller, new Epoch(frame.Epoch), out var checksum);
        frame.Argument2 = checksum;
        return status;
    }

    private WireStatus SendDelta(ref FrameHeader frame, NativeView payload, long deadline)
    {
        var words = new FragmentReader(payload.AsSpan<byte>());
        var old = words.Fragment();
        var replacement = words.Fragment();
        var contributor = words.Byte();
        var parities = words.Byte();
        if (!words.Holds || !IsPayloadSize(old.Length) || parities > PartsMax)
            return WireStatus.BadRequest;
        // Three of a length: the difference, room for the second fragment, and what is sent.
        var length = (int)old.Length;
        if (3L * length + ParityContribution.PrefaceBytes > FrameHeader.PayloadBytesMax)
            return WireStatus.BadRequest;
        var memory = _scratch.View(3L * length + ParityContribution.PrefaceBytes);
        var delta = memory.Slice(0, length);
        var contribution = memory.Slice(2L * length, length + ParityContribution.PrefaceBytes);
        frame.Argument2 = 0;
        var status = store.Delta(old, replacement, delta, memory.Slice(length, length));
        for (var i = 0u; i < parities && status == WireStatus.Done; i++)
        {
            var part = ParityPart.Read(ref words);
            if (!words.Holds)
                return WireStatus.BadRequest;
            var preface = new ParityContribution(_caller, contributor, part.Parity, part.Target);
            preface.Write(contribution.AsSpan<byte>());
            ReedSolomon.Multiply(part.Coefficient, delta, contribution.Slice(ParityContribution.PrefaceBytes, length));
            status = peers.SendParityUpdate(part.Peer, new OperationId(frame.OperationId), new Epoch(frame.Epoch), contribution, deadline);
            frame.Argument2 = status == WireStatus.Done ? 0 : i + 1u;
        }
        return status;
    }

    private WireStatus Scrub(ref FrameHeader frame)
    {
        if (frame.Length == 0)
            return WireStatus.BadRequest;
        var bytes = _scratch.View(frame.Length);
        var status = store.Read(FragmentOf(frame), bytes, out var stored);
        frame.Argument2 = status == WireStatus.Done ? Crc32C.Compute(bytes) : 0;
        return status == WireStatus.Done && frame.Argument2 != stored ? WireStatus.Corrupt : status;
    }

    private static bool IsPayloadSize(uint bytes) => bytes is > 0 and <= FrameHeader.PayloadBytesMax;
}
