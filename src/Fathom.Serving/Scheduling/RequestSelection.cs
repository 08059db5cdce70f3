using Fathom.Serving.KvCache;

namespace Fathom.Serving.Scheduling;

/// <summary>
/// Request-level batches, the baseline: a batch forms from the queue, its first iteration runs all prompts whole, and nobody joins
/// or gets an answer before its longest request has ended.
/// </summary>
/// <remarks>
/// It is kinder than FasterTransformer, which runs the first iteration at the shortest prompt's length and goes on computing requests
/// that have ended; memory is reserved as in <see cref="OrcaSelection"/>. One batch at a time.
/// </remarks>
internal sealed class RequestSelection(SchedulerOptions options, RequestPool requests, BlockTables tables) : ISelection
{
    private readonly List<SequenceGroup> _batch = [];

    private long Slots => (long)tables.Pool.Total * KvBlockPool.BlockTokens;

    public string? ReasonNeverFits(SequenceGroup group)
    {
        if (group.Choices > options.MaxBatch)
            return $"{group.Choices} choices exceed the batch of {options.MaxBatch}";
        long needed = OrcaSelection.SlotsOf(group);
        return needed <= Slots ? null : $"the request reserves {needed} KV slots, there are {Slots}";
    }

    public void Select(IterationPlan plan)
    {
        if (_batch.Count == 0)
            FormBatch();
        foreach (SequenceGroup group in _batch)
        {
            foreach (Sequence sequence in group.Sequences)
            {
                if (sequence.State == SequenceState.Running)
                    return;
            }
        }

        foreach (SequenceGroup group in _batch)
            ReservedIteration.Add(group, tables, plan);
    }

    public void Ended(SequenceGroup group, Queue<SequenceGroup> returned)
    {
        if (group.IsCancelled)
            _batch.Remove(group);
        foreach (SequenceGroup member in _batch)
        {
            if (member.Live > 0)
                return;
        }

        foreach (SequenceGroup member in _batch)
            returned.Enqueue(member);
        _batch.Clear();
    }

    private void FormBatch()
    {
        int sequences = 0;
        long reserved = 0;
        foreach (SequenceGroup group in requests.Ordered)
        {
            reserved += OrcaSelection.SlotsOf(group);
            sequences += group.Choices;
            if (sequences > options.MaxBatch || reserved > Slots)
                return;
            _batch.Add(group);
        }
    }
}
