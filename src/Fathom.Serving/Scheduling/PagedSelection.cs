using Fathom.Memory;
using Fathom.Serving.KvCache;

namespace Fathom.Serving.Scheduling;

/// <summary>
/// Blocks on demand under a token budget: started sequences with one token to go first, then prompts in pieces, then newcomers.
/// When blocks run out, the newest sequence loses its own and is computed again later.
/// </summary>
/// <remarks>
/// The first sequence in order always advances: it may take the blocks of every later one, and alone it fits, for admission saw to that.
/// </remarks>
internal sealed class PagedSelection(SchedulerOptions options, RequestPool requests, BlockTables tables) : ISelection
{
    public string? ReasonNeverFits(SequenceGroup group)
    {
        int needed = KvBlockPool.BlocksFor(group.MaxTokens);
        return needed <= tables.Pool.Total ? null : $"{group.MaxTokens} tokens take {needed} KV blocks, there are {tables.Pool.Total}";
    }

    public void Select(IterationPlan plan)
    {
        long preemptionsBefore = tables.Preemptions;
        SelectStarted(plan, decodes: true);
        SelectStarted(plan, decodes: false);
        // A newcomer would only take the blocks that a preemption has just won.
        if (tables.Preemptions == preemptionsBefore)
            SelectNewcomers(plan);
    }

    public void Ended(SequenceGroup group, Queue<SequenceGroup> returned)
    {
        if (!group.IsCancelled)
            returned.Enqueue(group);
    }

    private void SelectStarted(IterationPlan plan, bool decodes)
    {
        int left = tables.Holders;
        for (int i = 0; i < requests.Count && left > 0; i++)
        {
            foreach (Sequence sequence in requests.Ordered[i].Sequences)
            {
                left -= sequence.IsStarted ? 1 : 0;
                if (sequence.State != SequenceState.Increment || sequence.Remaining == 1 != decodes)
                    continue;
                if (Room(sequence, plan) is var room && room > 0)
                    AddWithBlocks(sequence, room, plan);
            }
        }
    }

    private void AddWithBlocks(Sequence sequence, int tokens, IterationPlan plan)
    {
        // A piece of a prompt takes what blocks there are; only without any does a later sequence have to yield.
        while (tables.RoomFor(sequence) is var room)
        {
            if (room > 0)
            {
                Run(sequence, (int)Math.Min(tokens, room), plan);
                return;
            }

            Sequence victim = NewestWaitingForThisIteration();
            if (ReferenceEquals(victim, sequence))
            {
                // Everything later has yielded already. A decode makes way for those before it; a prompt keeps what it has computed.
                if (sequence.Remaining == 1)
                    tables.Preempt(sequence, plan);
                return;
            }

            tables.Preempt(victim, plan);
        }
    }

    private void SelectNewcomers(IterationPlan plan)
    {
        int loading = 0, loadingBlocks = 0;
        for (int i = 0; i < requests.Count; i++)
        {
            foreach (Sequence sequence in requests.Ordered[i].Sequences)
            {
                if (sequence.State == SequenceState.Loading)
                {
                    loading++;
                    loadingBlocks += KvBlockPool.BlocksFor(sequence.Total);
                    continue;
                }

                if (sequence.State != SequenceState.Initiation)
                    continue;
                // Whoever came earlier and waits for its blocks keeps its place; but an idle engine waits for nobody.
                bool keepsPlaces = tables.Holders > 0;
                if (tables.Holders + (keepsPlaces ? loading : 0) >= options.MaxBatch || plan.TokenCount >= options.TokenBudget)
                    return;
                if (sequence.WantsPromptLogits && plan.PromptLogitRows >= options.PromptLogitRows)
                    continue;
                if (!TryStart(sequence, keepsPlaces ? loadingBlocks : 0, plan))
                    return;
                if (sequence.State == SequenceState.Loading)
                {
                    loading++;
                    loadingBlocks += KvBlockPool.BlocksFor(sequence.Total);
                }
            }
        }
    }

    /// <returns>False when there is no room for it. Otherwise it runs, or waits for a load that must be begun again.</returns>
    private bool TryStart(Sequence sequence, int keptBlocks, IterationPlan plan)
    {
        tables.ReusePrefix(sequence);
        if (tables.MustLoadAgain(sequence))
            return true;
        // Room for all its tokens, and for one block more of everyone who runs, so that it does not at once preempt or be preempted.
        int needed = KvBlockPool.BlocksFor(sequence.Total) - sequence.BlockCount + tables.Holders;
        if (needed + keptBlocks > tables.Pool.Available)
        {
            Invariant.Check(tables.Holders > 0);
            tables.ReturnBlocks(sequence);
            return false;
        }

        tables.TakeLoaded(sequence, plan);
        tables.Begin(sequence);
        Run(sequence, Room(sequence, plan), plan);
        return true;
    }

    private void Run(Sequence sequence, int tokens, IterationPlan plan)
    {
        Invariant.Check(tokens > 0 && tables.TryExtend(sequence, tokens, plan));
        plan.Add(sequence, tokens);
        sequence.State = SequenceState.Running;
    }

    /// <summary>Tokens of the sequence that the iteration's limits leave room for.</summary>
    private int Room(Sequence sequence, IterationPlan plan)
    {
        int tokens = Math.Min(sequence.Remaining, options.TokenBudget - plan.TokenCount);
        bool promptLogits = sequence.WantsPromptLogits && sequence.Computed < sequence.Group.PromptTokens;
        return promptLogits ? Math.Min(tokens, options.PromptLogitRows - plan.PromptLogitRows) : tokens;
    }

    /// <summary>The last sequence in order that holds blocks and is neither in flight nor in the plan.</summary>
    private Sequence NewestWaitingForThisIteration()
    {
        for (int i = requests.Count - 1; i >= 0; i--)
        {
            ReadOnlySpan<Sequence> sequences = requests.Ordered[i].Sequences;
            for (int j = sequences.Length - 1; j >= 0; j--)
            {
                if (sequences[j].State == SequenceState.Increment)
                    return sequences[j];
            }
        }

        Invariant.Fail("a sequence that needs a block holds none");
        return null!;
    }
}
