using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Placement;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.SpanSets;

/// <summary>
/// A span on its way in. First the direct way: one one-sided read of its fragment (all k chunks of a split span). When that is slow,
/// fails or has the wrong checksum, any k fragments of the set that arrive first are decoded.
/// </summary>
/// <remarks>Owned by the pool's state machine; made by the host, which keeps it for reuse.</remarks>
internal sealed class SpanRead(PoolCore pool) : PoolOperation
{
    private readonly Fetch[] _fetches = new Fetch[pool.Code.Fragments];
    private readonly NodeRequest?[] _requests = new NodeRequest?[pool.Code.Fragments];
    private readonly NativeBuffer?[] _scratch = new NativeBuffer?[pool.Code.Fragments];
    private SpanSet _set = null!;
    private uint _version;
    private int _slot;
    private int _lengthBytes;
    private bool _isDecoding;
    private bool _isPausing;
    private int _combinesLeft;
    private bool _isSumWrong;

    private enum Fetch : byte
    {
        NotAsked,
        Asked,
        Slow,
        Good,
        Bad,
    }

    public SpanId Span { get; set; }

    /// <summary>Written only between start and completion.</summary>
    public NativeView Destination { get; set; }

    public long DeadlineUs { get; set; }

    /// <summary>The host's own note: who waits.</summary>
    public object? Waiter { get; set; }

    public ReadOutcome Outcome { get; private set; }

    public bool IsComplete { get; private set; }

    public void Start()
    {
        IsComplete = false;
        Plan();
    }

    /// <summary>Gives up; the outcome is the given status unless there is one already.</summary>
    public void Stop(ReadStatus status)
    {
        // A decode that is being computed writes to the destination: its end is waited for, it is near.
        if (!IsComplete && _combinesLeft == 0)
            Complete(new ReadOutcome(status));
    }

    public override void OnReply(NodeRequest request, in NodeReply reply)
    {
        var slot = request.Slot;
        _requests[slot] = null;
        if (pool.IsFenced)
        {
            Complete(new ReadOutcome(ReadStatus.Fenced));
            return;
        }
        // Bytes of a span never change, wherever its set has gone meanwhile; other fragments belong to the code word they were asked for.
        var isRight = reply.IsDone && reply.Checksum == request.Checksum;
        _fetches[slot] = isRight ? Fetch.Good : Fetch.Bad;
        if (_version != _set.Version && !HasAllWanted())
        {
            Plan();
            return;
        }
        if (!isRight)
        {
            NoteDamage(slot, reply);
            _isDecoding = true;
        }
        Progress();
    }

    public override void OnTimer()
    {
        if (_combinesLeft > 0)
            return;
        if (pool.NowUs >= DeadlineUs)
        {
            Complete(new ReadOutcome(ReadStatus.Deadline));
            return;
        }
        if (_version != _set.Version)
        {
            Plan();
            return;
        }
        var isStuck = _isPausing;
        for (var slot = 0; slot < _fetches.Length; slot++)
        {
            if (_requests[slot] is not { } request)
                continue;
            isStuck |= pool.NowUs - request.SentUs >= pool.Options.RequestTimeoutUs;
            if (_fetches[slot] == Fetch.Asked)
            {
                _fetches[slot] = Fetch.Slow;
                pool.Health.Miss(pool.Roster.Get(request.Node));
            }
        }
        if (isStuck)
        {
            Plan();
            return;
        }
        if (!_isDecoding)
        {
            if (!pool.Hedges.TryTake())
            {
                ArmWithin(pool.Options.HedgeAfterUs);
                return;
            }
            pool.Tally.HedgedReads++;
        }
        _isDecoding = true;
        Progress();
        if (!IsComplete && _combinesLeft == 0 && TimerDueUs == 0)
            ArmWithin(pool.Options.HedgeAfterUs);
    }

    public override void OnCombined(CombineWork work, uint checksum)
    {
        // All sources had their checksums: a wrong sum means that parity and data disagree, and nothing here can tell who is right.
        _isSumWrong |= checksum != _set.Places[work.Slot].Checksum;
        if (--_combinesLeft > 0)
            return;
        if (_version != _set.Version)
        {
            Plan();
            return;
        }
        if (_isSumWrong)
        {
            pool.Tally.ChecksumFailures++;
            Complete(new ReadOutcome(ReadStatus.Lost));
            return;
        }
        pool.Tally.DegradedReads++;
        Complete(new ReadOutcome(ReadStatus.Read, _lengthBytes, IsDegraded: true));
    }

    private void Plan()
    {
        CancelAll();
        _isDecoding = false;
        _isPausing = false;
        _isSumWrong = false;
        if (pool.IsFenced)
        {
            Complete(new ReadOutcome(ReadStatus.Fenced));
            return;
        }
        if (!pool.Table.TryGet(Span, out _set, out _slot, out _lengthBytes))
        {
            Complete(new ReadOutcome(ReadStatus.UnknownSpan));
            return;
        }
        if (Destination.Length < _lengthBytes)
        {
            Complete(new ReadOutcome(ReadStatus.DestinationTooShort));
            return;
        }
        _version = _set.Version;
        Array.Clear(_fetches);
        var (first, end) = Wanted();
        for (var slot = first; slot < end; slot++)
        {
            if (_set.IsMissing(slot) || _set.Places[slot].Node.Health != NodeHealth.Up)
                _isDecoding = true;
            else
                Ask(slot);
        }
        ArmWithin(pool.Options.HedgeAfterUs);
        if (_isDecoding)
            Progress();
    }

    private (int First, int End) Wanted() =>
        pool.Options.Scheme == RedundancyScheme.ErasureSplit ? (0, _set.DataFragments) : (_slot, _slot + 1);

    private bool IsWanted(int slot)
    {
        var (first, end) = Wanted();
        return slot >= first && slot < end;
    }

    private NativeView ViewOf(int slot)
    {
        var (first, _) = Wanted();
        return IsWanted(slot)
            ? Destination.Slice((long)(slot - first) * _set.FragmentBytes, _set.FragmentBytes)
            : _scratch[slot]!.View;
    }

    private void Ask(int slot)
    {
        if (!IsWanted(slot))
            _scratch[slot] ??= pool.Buffers.Rent(_set.FragmentBytes);
        var request = pool.Prepare(NodeOperation.Read, _set.Places[slot], this, slot);
        request.Checksum = _set.Places[slot].Checksum;
        request.Destination = ViewOf(slot);
        request.TimeoutUs = Math.Max(1, DeadlineUs - pool.NowUs);
        _fetches[slot] = Fetch.Asked;
        _requests[slot] = request;
        pool.Send(request);
    }

    private void Progress()
    {
        if (HasAllWanted())
        {
            CompleteDirect();
            return;
        }
        if (!_isDecoding)
            return;
        var good = 0;
        var coming = 0;
        var slow = 0;
        for (var slot = 0; slot < _fetches.Length; slot++)
        {
            var isGood = _fetches[slot] == Fetch.Good || _set.IsZero(slot);
            good += isGood ? 1 : 0;
            coming += _fetches[slot] == Fetch.Asked ? 1 : 0;
            slow += _fetches[slot] == Fetch.Slow ? 1 : 0;
        }
        var k = _set.DataFragments;
        if (good >= k)
        {
            Decode();
            return;
        }
        coming += AskOthers(k - good - coming, NodeHealth.Up);
        coming += AskOthers(k - good - coming, NodeHealth.Suspect);
        if (good + coming + slow >= k)
            return;
        if (_set.PresentCount() < k)
        {
            pool.Rebuilds.Enqueue(_set);
            Complete(new ReadOutcome(ReadStatus.Lost));
            return;
        }
        // Enough fragments exist, but too many of their nodes fail to answer just now.
        _isPausing = true;
        ArmWithin(pool.Options.RetryDelayUs);
    }

    private bool HasAllWanted()
    {
        var (first, end) = Wanted();
        for (var slot = first; slot < end; slot++)
        {
            if (_fetches[slot] != Fetch.Good)
                return false;
        }
        return true;
    }

    private int AskOthers(int count, NodeHealth health)
    {
        var asked = 0;
        for (var slot = 0; slot < _fetches.Length && asked < count; slot++)
        {
            if (_fetches[slot] != Fetch.NotAsked || _set.IsZero(slot) || _set.IsMissing(slot) || _set.Places[slot].Node.Health != health)
                continue;
            Ask(slot);
            asked++;
        }
        return asked;
    }

    private void Decode()
    {
        var k = _set.DataFragments;
        Span<int> present = stackalloc int[k];
        var count = 0;
        for (var slot = 0; slot < _fetches.Length && count < k; slot++)
        {
            if (_fetches[slot] == Fetch.Good || _set.IsZero(slot))
                present[count++] = slot;
        }
        CancelRequests();
        Span<byte> coefficients = stackalloc byte[k];
        var (first, end) = Wanted();
        for (var slot = first; slot < end; slot++)
        {
            if (_fetches[slot] == Fetch.Good)
                continue;
            pool.Code.Solve(present, slot, coefficients);
            var work = pool.PrepareCombine(this, slot, ViewOf(slot));
            for (var i = 0; i < k; i++)
            {
                if (_set.IsZero(present[i]))
                    continue;
                work.Sources[work.Count] = ViewOf(present[i]);
                work.Coefficients[work.Count++] = coefficients[i];
            }
            if (_combinesLeft++ == 0)
                pool.Tally.DegradedFragments += work.Count;
            pool.Send(work);
        }
    }

    private void CompleteDirect()
    {
        var (first, end) = Wanted();
        pool.Tally.FragmentReads += end - first;
        Complete(new ReadOutcome(ReadStatus.Read, _lengthBytes));
    }

    private void Complete(ReadOutcome outcome)
    {
        CancelAll();
        if (outcome.IsRead)
        {
            pool.Tally.SpansRead++;
            pool.Hedges.Earn();
        }
        Outcome = outcome;
        IsComplete = true;
        pool.Arm(this, 0);
        pool.Actions.Add(new PoolAction(PoolActionKind.CompleteRead, Operation: this));
    }

    private void CancelAll()
    {
        CancelRequests();
        for (var slot = 0; slot < _scratch.Length; slot++)
        {
            if (_scratch[slot] is { } buffer)
                pool.Buffers.Return(buffer);
            _scratch[slot] = null;
        }
    }

    private void CancelRequests()
    {
        for (var slot = 0; slot < _requests.Length; slot++)
        {
            if (_requests[slot] is { } request)
                pool.Cancel(request);
            _requests[slot] = null;
        }
    }

    private void NoteDamage(int slot, in NodeReply reply)
    {
        if (reply.Fault != NodeFault.None)
            return;
        var isWrong = reply.IsDone || reply.Status == WireStatus.Corrupt;
        pool.Tally.ChecksumFailures += isWrong ? 1 : 0;
        if (isWrong || reply.Status == WireStatus.NoSuchFragment)
            pool.MarkDamaged(_set, slot);
    }

    private void ArmWithin(long delayUs) => pool.Arm(this, Math.Min(DeadlineUs, pool.NowUs + delayUs));
}
