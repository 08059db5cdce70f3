using Fathom.FarMemory.ErasureCode;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Simulation;

/// <summary>A memory node of the simulated cluster.</summary>
internal sealed class SimNode : SimProcess
{
    private const long PeerTimeoutUs = 8_000;

    private readonly SimLoop _loop;
    private readonly SimNetwork _network;
    private readonly Func<NodeId, SimNode> _peers;
    private readonly PlantedFault _planted;
    private readonly Dictionary<ulong, Action<SimReply?>> _waiting = [];
    private ulong _lastRequest;

    public SimNode(NodeId id, SimLoop loop, SimNetwork network, Func<NodeId, SimNode> peers, PlantedFault planted)
        : base(id.Value)
    {
        Id = id;
        _loop = loop;
        _network = network;
        _peers = peers;
        _planted = planted;
        Store = new SimStore(planted);
        Incarnation = new Incarnation(1);
    }

    public NodeId Id { get; }

    public Incarnation Incarnation { get; private set; }

    public SimStore Store { get; private set; }

    /// <summary>Shares of deltas it was sent for compactions.</summary>
    public long ParityUpdates { get; private set; }

    public override void Kill()
    {
        base.Kill();
        _waiting.Clear();
        Store = new SimStore(_planted);
    }

    public override void Restart()
    {
        Incarnation = new Incarnation(Incarnation.Value + 1);
        base.Restart();
    }

    /// <summary>Called before a request is carried out; a test may kill the node here.</summary>
    public Action<SimRequest>? Handling { get; set; }

    /// <summary>Takes a request; the answer may come much later.</summary>
    public void Handle(SimRequest request, Action<SimReply> answer)
    {
        Handling?.Invoke(request);
        if (!IsAlive)
            return;
        var incarnation = Incarnation;
        void Answer(WireStatus status, uint checksum = 0, byte[]? payload = null, NodeId failed = default) =>
            answer(new SimReply(request.Id, status, incarnation, checksum, payload ?? [], failed));

        var isOther = request.Incarnation.Value != 0 && request.Incarnation != Incarnation;
        if (isOther && (_planted & PlantedFault.TrustRestart) == 0)
        {
            Answer(WireStatus.WrongIncarnation);
            return;
        }
        switch (request.Operation)
        {
            case NodeOperation.Ping:
                Answer(WireStatus.Done);
                break;
            case NodeOperation.Read:
                var read = Store.Read(request.At, out var bytes, out var stored);
                Answer(read, stored, bytes);
                break;
            case NodeOperation.Write:
                Answer(Store.Write(request.At, request.Owner, request.Epoch, request.Payload, request.Checksum));
                break;
            case NodeOperation.Free:
                foreach (var range in request.Ranges)
                    Store.Free(range, request.Owner, request.Epoch);
                Answer(WireStatus.Done);
                break;
            case NodeOperation.Scrub:
                var scrubbed = Store.ReadVerified(request.At, out var content);
                Answer(scrubbed, scrubbed == WireStatus.Done ? Crc32C.Compute(content) : 0);
                break;
            case NodeOperation.Delta:
                var status = Delta(request, out var delta);
                Answer(status, 0, delta);
                break;
            case NodeOperation.SendDelta:
                SendDelta(request, (outcome, failed) => Answer(outcome, failed: failed));
                break;
            case NodeOperation.ParityUpdate:
                ParityUpdates++;
                Answer(Store.AddToShadow(
                    request.Compaction, request.Other, request.At, request.Owner, request.Epoch, request.Contributor, request.Payload));
                break;
            case NodeOperation.Prepare:
                Answer(Store.Prepare(request.Compaction, request.At, request.Contributors));
                break;
            case NodeOperation.Commit:
                Answer(Store.Commit(request.Compaction, request.At, request.Owner, request.Epoch, out var committed), committed);
                break;
            case NodeOperation.Abort:
                Answer(Store.Abort(request.Compaction, request.At));
                break;
            case NodeOperation.Pull:
                var outcomes = new PullOutcome[request.Pulls.Length];
                var left = outcomes.Length;
                for (var i = 0; i < outcomes.Length; i++)
                {
                    var at = i;
                    Pull(request, request.Pulls[i], outcome =>
                    {
                        outcomes[at] = outcome;
                        if (--left == 0)
                            answer(new SimReply(request.Id, WireStatus.Done, incarnation, 0, [], default, outcomes));
                    });
                }
                break;
        }
    }

    private WireStatus Delta(SimRequest request, out byte[] delta)
    {
        delta = [];
        var status = Store.ReadVerified(request.At, out var old);
        if (status != WireStatus.Done)
            return status;
        status = Store.ReadVerified(request.Other, out var replacement);
        if (status != WireStatus.Done)
            return status;
        delta = new byte[old.Length];
        for (var i = 0; i < delta.Length; i++)
            delta[i] = (byte)(old[i] ^ replacement[i]);
        return WireStatus.Done;
    }

    private void SendDelta(SimRequest request, Action<WireStatus, NodeId> done)
    {
        var status = Delta(request, out var delta);
        if (status != WireStatus.Done)
        {
            done(status, default);
            return;
        }
        var left = request.Targets.Length;
        foreach (var target in request.Targets)
        {
            var share = new byte[delta.Length];
            for (var i = 0; i < share.Length; i++)
                share[i] = GaloisField.Multiply(target.Coefficient, delta[i]);
            var update = request with
            {
                Operation = NodeOperation.ParityUpdate,
                Incarnation = target.Incarnation,
                At = target.Shadow,
                Other = target.Parity,
                Payload = share,
            };
            Ask(target.Node, update, reply =>
            {
                if (left <= 0)
                    return;
                if (reply is not { Status: WireStatus.Done })
                {
                    left = 0;
                    done(WireStatus.PeerFailed, target.Node);
                }
                else if (--left == 0)
                {
                    done(WireStatus.Done, default);
                }
            });
        }
    }

    private void Pull(SimRequest request, FragmentPull pull, Action<PullOutcome> done)
    {
        var sum = new byte[pull.Target.Length];
        var left = pull.Sources.Length;
        if (left == 0)
            Finish();
        foreach (var source in pull.Sources)
        {
            var read = request with { Operation = NodeOperation.Read, Incarnation = source.Incarnation, At = source.At };
            Ask(source.Node, read, reply =>
            {
                if (left <= 0)
                    return;
                if (reply is not { Status: WireStatus.Done } || Crc32C.Compute(reply.Payload) != source.Checksum)
                {
                    left = 0;
                    done(new PullOutcome(reply is { Status: WireStatus.Done } ? WireStatus.Corrupt : WireStatus.PeerFailed, source.Node));
                    return;
                }
                for (var i = 0; i < sum.Length; i++)
                    sum[i] ^= GaloisField.Multiply(source.Coefficient, reply.Payload[i]);
                if (--left == 0)
                    Finish();
            });
        }

        void Finish()
        {
            var checksum = Crc32C.Compute(sum);
            done(new PullOutcome(checksum == pull.Checksum
                ? Store.Write(pull.Target, request.Owner, request.Epoch, sum, checksum)
                : WireStatus.Corrupt));
        }
    }

    private void Ask(NodeId node, SimRequest request, Action<SimReply?> answered)
    {
        var id = ++_lastRequest;
        var incarnation = Incarnation;
        _waiting.Add(id, answered);
        var peer = _peers(node);
        _network.Send(this, peer, () => peer.Handle(
            request with { Id = id },
            reply => _network.Send(peer, this, () =>
            {
                if (Incarnation == incarnation && _waiting.Remove(id, out var waiter))
                    waiter(reply);
            })));
        _loop.After(PeerTimeoutUs, () =>
        {
            if (Incarnation == incarnation && IsAlive && _waiting.Remove(id, out var waiter))
                waiter(null);
        });
    }
}
