using Fathom.Serving.KvCache;

namespace Fathom.Serving.Scheduling;

/// <summary>
/// Request-level batches, the baseline: a batch forms from the queue as soon as the one before has returned, and nobody joins or
/// gets an answer before its longest request has ended.
/// </summary>
/// <remarks>
/// As in FasterTransformer, a batch's first iteration runs all prompts at the shortest one's length; what is left of the longer ones
/// follows a token at a time beside the others' decoding. With <see cref="SchedulerOptions.WholePrompts"/> the first iteration
/// runs every prompt whole, which is kinder. So is that requests that have ended are computed no further. Memory is reserved as in
/// <see cref="OrcaSelection"/>. One batch at a time. Source: Yu et al., OSDI 2022, sections 3 and 6.
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

        int shortest = int.MaxValue;
        foreach (SequenceGroup group in _batch)
            shortest = Math.Min(shortest, group.PromptTokens);
        foreach (SequenceGroup group in _batch)
            ReservedIteration.Add(group, options.WholePrompts ? int.MaxValue : group.HasStarted ? 1 : shortest, tables, plan);
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
