using Fathom.Memory;

namespace Fathom.Serving.Scheduling;

/// <summary>How a request whose memory is reserved runs: all its sequences together, a prompt whole, then a token at a time.</summary>
internal static class ReservedIteration
{
    /// <summary>Puts every sequence of the request that has not ended into the plan.</summary>
    public static void Add(SequenceGroup group, BlockTables tables, IterationPlan plan)
    {
        foreach (Sequence sequence in group.Sequences)
        {
            if (sequence.State == SequenceState.Finished)
                continue;
            if (sequence.State == SequenceState.Initiation)
                tables.Begin(sequence);
            int tokens = sequence.Remaining;
            Invariant.Check(tables.TryExtend(sequence, tokens, plan));
            plan.Add(sequence, tokens);
            sequence.State = SequenceState.Running;
        }
    }
}
