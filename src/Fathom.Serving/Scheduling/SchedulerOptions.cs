namespace Fathom.Serving.Scheduling;

/// <summary>Limits of a scheduler.</summary>
internal sealed record SchedulerOptions
{
    /// <summary>KV blocks of the executor.</summary>
    public required int Blocks { get; init; }

    /// <summary>The scheduling policy.</summary>
    public SchedulingPolicy Policy { get; init; } = SchedulingPolicy.Paged;

    /// <summary>Most sequences in a batch: Algorithm 1's max_bs.</summary>
    public int MaxBatch { get; init; } = 16;

    /// <summary>Most tokens in an iteration of the paged policy.</summary>
    public int TokenBudget { get; init; } = 512;

    /// <summary>Batches that may be in flight: Algorithm 1's n_workers, one for each stage of the executor's pipeline.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>The paged policy reuses blocks of known prefixes.</summary>
    public bool PrefixCaching { get; init; } = true;

    /// <summary>
    /// There are tiers below the blocks: the host is told which blocks became full, and loads what a sequence had that lost its blocks.
    /// </summary>
    public bool HasTiers { get; init; }

    /// <summary>The request policy runs every prompt of a batch whole in its first iteration, instead of at the shortest one's length.</summary>
    public bool WholePrompts { get; init; }

    /// <summary>Most prompt tokens in an iteration whose logits a request wants to see.</summary>
    public int PromptLogitRows { get; init; } = 32;
}
