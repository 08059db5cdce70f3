using Fathom.FarMemory.SpanSets;
using Fathom.FarMemory.Transports;
using Fathom.FarMemory.Wire;

namespace Fathom.FarMemory.Recovery;

/// <summary>
/// Goes round all fragments, live, dead and parity, and has their nodes compare them with their checksums. A flipped bit in a dead
/// span poisons decoding as surely as one in a live span, and no read would ever find it.
/// </summary>
/// <remarks>Owned by the pool's state machine.</remarks>
internal sealed class Scrubber(PoolCore pool)
{
    private const int ChecksATickMax = 32;

    private int _set = 1;
    private int _slot;
    private long _dueUs;

    public void Tick()
    {
        if (pool.Options.ScrubIntervalUs == 0)
            return;
        for (var checks = 0; checks < ChecksATickMax && _dueUs <= pool.NowUs; checks++)
        {
            _dueUs = Math.Max(_dueUs, pool.NowUs - ChecksATickMax * pool.Options.ScrubIntervalUs) + pool.Options.ScrubIntervalUs;
            Next();
        }
    }

    /// <summary>Has every fragment of a set checked now.</summary>
    public void Check(SpanSet set)
    {
        for (var slot = 0; slot < set.Slots; slot++)
            Check(set, slot);
    }

    /// <summary>Has one fragment checked now.</summary>
    public void Check(SpanSet set, int slot)
    {
        if (set.IsRemoved || pool.IsFenced || set.IsZero(slot) || set.IsMissing(slot))
            return;
        pool.SendTimed(pool.Prepare(NodeOperation.Scrub, set.Places[slot], new FragmentCheck(pool, set), slot));
    }

    private void Next()
    {
        // Bounded: at worst it looks at a run of empty entries and goes on from there next time.
        for (var step = 0; step < 64; step++)
        {
            if (_set >= pool.Table.SetsEnd)
                _set = 1;
            if (_set < pool.Table.SetsEnd && pool.Table.SetAt(_set) is { } set && _slot < set.Slots)
            {
                Check(set, _slot++);
                return;
            }
            _set++;
            _slot = 0;
        }
    }

    private sealed class FragmentCheck(PoolCore pool, SpanSet set) : PoolOperation
    {
        private readonly uint _version = set.Version;

        public override void OnReply(NodeRequest request, in NodeReply reply)
        {
            if (reply.Fault != NodeFault.None || set.IsRemoved || set.Version != _version)
                return;
            if (reply.IsDone)
                pool.Tally.FragmentsScrubbed++;
            var isWrong = reply.Status == WireStatus.Corrupt || (reply.IsDone && reply.Checksum != set.Places[request.Slot].Checksum);
            pool.Tally.ChecksumFailures += isWrong ? 1 : 0;
            if (isWrong || reply.Status == WireStatus.NoSuchFragment)
                pool.MarkDamaged(set, request.Slot);
        }
    }
}
