using Fathom.Memory;

namespace Fathom.Serving.Scheduling;

/// <summary>How a request whose memory is reserved runs: all its sequences together, its prompt, then a token at a time.</summary>
internal static class ReservedIteration
{
    /// <summary>Puts every sequence of the request that has not ended into the plan.</summary>
    /// <param name="group">The request.</param>
    /// <param name="mostTokens">Most tokens of a sequence in this iteration.</param>
    /// <param name="tables">Gives the blocks.</param>
    /// <param name="plan">The iteration.</param>
    public static void Add(SequenceGroup group, int mostTokens, BlockTables tables, IterationPlan plan)
    {
        foreach (Sequence sequence in group.Sequences)
        {
            if (sequence.State == SequenceState.Finished)
                continue;
            if (sequence.State == SequenceState.Initiation)
                tables.Begin(sequence);
            int tokens = Math.Min(sequence.Remaining, mostTokens);
            Invariant.Check(tables.TryExtend(sequence, tokens, plan));
            plan.Add(sequence, tokens);
            sequence.State = SequenceState.Running;
        }
    }
}
