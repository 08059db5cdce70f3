using Fathom.Memory;
using Fathom.Serving.KvCache;

namespace Fathom.Serving.Scheduling;

/// <summary>
/// Select of Orca's Algorithm 1: by arrival, at most max_bs sequences, and a request starts only when the slots for all the tokens
/// it may come to have are reserved, so that a started request always ends.
/// </summary>
/// <remarks>
/// A slot is the K and V memory of one token. Blocks are not shared between requests here, so a reservation is counted in whole
/// blocks. A request of n choices reserves for n sequences and counts as n in the batch. Source: Yu et al., OSDI 2022, section 4.
/// </remarks>
internal sealed class OrcaSelection(SchedulerOptions options, RequestPool requests, BlockTables tables) : ISelection
{
    /// <summary>Algorithm 1's n_slots.</summary>
    public long Slots => (long)tables.Pool.Total * KvBlockPool.BlockTokens;

    /// <summary>Algorithm 1's n_rsrv.</summary>
    public long Reserved { get; private set; }

    /// <summary>Slots that a request reserves: Algorithm 1's max_tokens of each choice, in whole blocks.</summary>
    public static long SlotsOf(SequenceGroup group) => (long)KvBlockPool.BlocksFor(group.MaxTokens) * KvBlockPool.BlockTokens * group.Choices;

    public string? ReasonNeverFits(SequenceGroup group)
    {
        if (group.Choices > options.MaxBatch)
            return $"{group.Choices} choices exceed the batch of {options.MaxBatch}";
        long needed = SlotsOf(group);
        return needed <= Slots ? null : $"the request reserves {needed} KV slots, there are {Slots}";
    }

    public void Select(IterationPlan plan)
    {
        int batch = 0;
        foreach (SequenceGroup group in requests.Ordered)
        {
            if (IsInFlight(group))
                continue;
            int sequences = group.HasStarted ? group.Live : group.Choices;
            if (batch + sequences > options.MaxBatch)
                break;
            if (!group.HasStarted)
            {
                long reserved = Reserved + SlotsOf(group);
                if (reserved > Slots)
                    break;
                Reserved = reserved;
                group.ReservedSlots = SlotsOf(group);
            }

            batch += sequences;
            ReservedIteration.Add(group, int.MaxValue, tables, plan);
        }
    }

    public void Ended(SequenceGroup group, Queue<SequenceGroup> returned)
    {
        Reserved -= group.ReservedSlots;
        group.ReservedSlots = 0;
        Invariant.Check(Reserved >= 0);
        if (!group.IsCancelled)
            returned.Enqueue(group);
    }

    private static bool IsInFlight(SequenceGroup group)
    {
        foreach (Sequence sequence in group.Sequences)
        {
            if (sequence.State == SequenceState.Running)
                return true;
        }

        return false;
    }
}
