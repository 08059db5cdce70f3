using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.SpanSets;
using Fathom.FarMemory.Transports;
using Fathom.Memory;

namespace Fathom.FarMemory.Compaction;

/// <summary>
/// Two sets become one: live spans of the donor take the dead slots of the survivor, without moving. The new parity
/// P'_j = P_j + Σ A(j,i)·(old_i - new_i) is built in a shadow beside the old one under an operation id, voted on, stored, and only
/// then the tables flip, which is the commit point. Until then the old code words are whole; afterwards the new one is.
/// </summary>
/// <remarks>
/// Owned by the pool's state machine. Remote: each data node sends its share to the parity nodes itself. Local: this process pulls the
/// deltas and pushes one sum to each parity node. Any failure cancels: shadows are dropped and nothing has changed.
/// </remarks>
internal sealed class CompactionTransaction : PoolOperation
{
    /// <summary>Contributor number of the sum that this process pushes in local mode.</summary>
    private const int CombinedContributor = 63;

    private readonly PoolCore _pool;
    private readonly SpanSet _survivor;
    private readonly SpanSet _donor;
    private readonly CompactionMode _mode;
    private readonly List<(int Slot, int DonorSlot)> _replaced = [];
    private readonly FragmentPlace[] _shadows;
    private readonly List<NodeRequest> _requests = [];
    private readonly NativeBuffer?[] _deltas;
    private readonly NativeBuffer?[] _sums;
    private readonly OperationId _operation;
    private Phase _phase;
    private int _combinesLeft;
    private int _transfers;

    public CompactionTransaction(PoolCore pool, SpanSet survivor, SpanSet donor, CompactionMode mode)
    {
        _pool = pool;
        _survivor = survivor;
        _donor = donor;
        _mode = mode;
        _operation = pool.NextOperation();
        _shadows = new FragmentPlace[pool.Code.ParityFragments];
        _deltas = new NativeBuffer?[pool.Code.DataFragments];
        _sums = new NativeBuffer?[pool.Code.ParityFragments];
        Invariant.Check(HoleIndex.TryMap(survivor, donor, _replaced));
    }

    private enum Phase
    {
        Deltas,
        Sums,
        Votes,
        Commits,
        Done,
    }

    public bool IsDone => _phase == Phase.Done;

    public void Start()
    {
        _pool.Occupy(_survivor, SetWork.Compaction);
        _pool.Occupy(_donor, SetWork.Compaction);
        for (var parity = 0; parity < _shadows.Length; parity++)
        {
            // The new parity stands on the node of the old one: the six nodes stay different.
            var old = Parity(parity);
            _shadows[parity] = _pool.Roster.Take(old.Node, _survivor.FragmentBytes, _pool.NextGeneration(), 0);
            if (_shadows[parity].IsEmpty)
            {
                _pool.AskRegion(old.Node);
                Abort();
                return;
            }
        }
        foreach (var (slot, donorSlot) in _replaced)
            AskDelta(slot, donorSlot);
    }

    /// <summary>Gives up: both sets stay as they are.</summary>
    public void Abort()
    {
        if (IsDone)
            return;
        var mayHaveShadows = _phase is not Phase.Deltas || _mode == CompactionMode.Remote;
        CancelRequests();
        for (var parity = 0; parity < _shadows.Length; parity++)
        {
            if (mayHaveShadows && !_shadows[parity].IsEmpty && !_pool.IsFenced)
                _pool.SendTimed(PrepareFor(NodeOperation.Abort, parity));
            _pool.Free(_shadows[parity]);
            _shadows[parity] = default;
        }
        _pool.Tally.CompactionsAborted++;
        _survivor.CompactAfterUs = _donor.CompactAfterUs = _pool.NowUs + 4 * _pool.Options.RetryDelayUs;
        End();
    }

    public override void OnReply(NodeRequest request, in NodeReply reply)
    {
        if (IsDone)
            return;
        _requests.Remove(request);
        if (!reply.IsDone || !IsIntact())
        {
            NoteFailure(reply);
            Abort();
            return;
        }
        switch (_phase)
        {
            case Phase.Deltas:
                _transfers += _mode == CompactionMode.Local ? 1 : _shadows.Length;
                break;
            case Phase.Sums:
                _transfers++;
                break;
            case Phase.Commits:
                _shadows[request.Slot - _survivor.DataFragments] =
                    _shadows[request.Slot - _survivor.DataFragments] with { Checksum = reply.Checksum };
                break;
        }
        if (_requests.Count == 0)
            Advance();
    }

    public override void OnCombined(CombineWork work, uint checksum)
    {
        _combinesLeft--;
        if (IsDone)
        {
            if (_combinesLeft == 0)
                ReturnBuffers();
            return;
        }
        var parity = work.Slot;
        var request = PrepareFor(NodeOperation.ParityUpdate, parity);
        request.Contributor = CombinedContributor;
        request.Payload = _sums[parity]!.View;
        request.Checksum = checksum;
        Send(request);
    }

    private void Advance()
    {
        if (_combinesLeft > 0)
            return;
        switch (_phase)
        {
            case Phase.Deltas when _mode == CompactionMode.Local:
                _phase = Phase.Sums;
                AddUp();
                break;
            case Phase.Deltas or Phase.Sums:
                _phase = Phase.Votes;
                SendToParities(NodeOperation.Prepare);
                break;
            case Phase.Votes:
                _phase = Phase.Commits;
                SendToParities(NodeOperation.Commit);
                break;
            case Phase.Commits:
                Flip();
                break;
        }
    }

    private void AskDelta(int slot, int donorSlot)
    {
        var operation = _mode == CompactionMode.Remote ? NodeOperation.SendDelta : NodeOperation.Delta;
        var request = _pool.Prepare(operation, _survivor.Places[slot], this, slot);
        request.Other = _donor.Places[donorSlot].Range;
        request.Compaction = _operation;
        if (_mode == CompactionMode.Remote)
        {
            request.Contributor = slot;
            request.Targets = new ParityTarget[_shadows.Length];
            for (var parity = 0; parity < _shadows.Length; parity++)
            {
                var old = Parity(parity);
                request.Targets[parity] = new ParityTarget(
                    old.Node.Id, old.Region.Grant.Incarnation, old.Range, _shadows[parity].Range, _pool.Code.Coefficient(parity, slot));
            }
        }
        else
        {
            _deltas[slot] = _pool.Buffers.Rent(_survivor.FragmentBytes);
            request.Destination = _deltas[slot]!.View;
        }
        Send(request);
    }

    private void AddUp()
    {
        for (var parity = 0; parity < _shadows.Length; parity++)
        {
            _sums[parity] = _pool.Buffers.Rent(_survivor.FragmentBytes);
            var work = _pool.PrepareCombine(this, parity, _sums[parity]!.View);
            foreach (var (slot, _) in _replaced)
            {
                work.Sources[work.Count] = _deltas[slot]!.View;
                work.Coefficients[work.Count++] = _pool.Code.Coefficient(parity, slot);
            }
            _combinesLeft++;
            _pool.Send(work);
        }
    }

    private void SendToParities(NodeOperation operation)
    {
        for (var parity = 0; parity < _shadows.Length; parity++)
            Send(PrepareFor(operation, parity));
    }

    private NodeRequest PrepareFor(NodeOperation operation, int parity)
    {
        var request = _pool.Prepare(operation, _shadows[parity], this, _survivor.DataFragments + parity);
        request.Other = Parity(parity).Range;
        request.Compaction = _operation;
        request.Contributors = 0;
        if (_mode == CompactionMode.Local)
        {
            request.Contributors = 1UL << CombinedContributor;
        }
        else
        {
            foreach (var (slot, _) in _replaced)
                request.Contributors |= 1UL << slot;
        }
        return request;
    }

    /// <summary>The commit point.</summary>
    private void Flip()
    {
        foreach (var (slot, donorSlot) in _replaced)
        {
            _pool.Tally.DeadBytes -= _survivor.FragmentBytes;
            _pool.Free(_survivor.Places[slot]);
            _survivor.Places[slot] = _donor.Places[donorSlot];
            _donor.Places[donorSlot] = default;
            // Released meanwhile, it comes over dead, counted when it died.
            if (_donor.Spans[donorSlot].Value != 0)
                _pool.Table.Move(_donor.Spans[donorSlot], _survivor, slot);
        }
        for (var parity = 0; parity < _shadows.Length; parity++)
        {
            _pool.Free(Parity(parity));
            _survivor.Places[_survivor.DataFragments + parity] = _shadows[parity];
            _shadows[parity] = default;
        }
        _survivor.Version++;
        _pool.Tally.Compactions++;
        _pool.Tally.CompactionTransfers += _transfers;
        _donor.Work = SetWork.None;
        _pool.Remove(_donor);
        End();
    }

    /// <summary>Nothing that the transaction builds on went away since it started.</summary>
    public bool IsIntact()
    {
        if (_pool.IsFenced)
            return false;
        for (var slot = 0; slot < _survivor.Slots; slot++)
        {
            if (_survivor.IsMissing(slot))
                return false;
        }
        foreach (var (_, donorSlot) in _replaced)
        {
            if (_donor.IsMissing(donorSlot))
                return false;
        }
        foreach (var shadow in _shadows)
        {
            if (shadow.Region.IsGone)
                return false;
        }
        return true;
    }

    private void NoteFailure(in NodeReply reply)
    {
        // Perhaps a node found bytes that are not what was acknowledged: the scrubber's business, at once.
        if (reply.Fault == NodeFault.None)
        {
            _pool.Scrubber.Check(_survivor);
            _pool.Scrubber.Check(_donor);
        }
    }

    private void Send(NodeRequest request)
    {
        _requests.Add(request);
        _pool.SendTimed(request);
    }

    private void CancelRequests()
    {
        foreach (var request in _requests)
            _pool.Cancel(request);
        _requests.Clear();
    }

    private void End()
    {
        _phase = Phase.Done;
        if (_combinesLeft == 0)
            ReturnBuffers();
        _pool.Vacate(_survivor);
        if (!_donor.IsRemoved)
            _pool.Vacate(_donor);
        if (!_survivor.IsRemoved && _survivor.NeedsRebuild())
            _pool.Rebuilds.Enqueue(_survivor);
        if (!_donor.IsRemoved && _donor.NeedsRebuild())
            _pool.Rebuilds.Enqueue(_donor);
    }

    private void ReturnBuffers()
    {
        foreach (var buffers in (NativeBuffer?[][])[_deltas, _sums])
        {
            for (var i = 0; i < buffers.Length; i++)
            {
                if (buffers[i] is { } buffer)
                    _pool.Buffers.Return(buffer);
                buffers[i] = null;
            }
        }
    }

    private FragmentPlace Parity(int parity) => _survivor.Places[_survivor.DataFragments + parity];
}
