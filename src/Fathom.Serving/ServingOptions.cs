using Fathom.Serving.Scheduling;

namespace Fathom.Serving;

/// <summary>How an engine schedules. Immutable; the engine checks the values when it is made.</summary>
public sealed record ServingOptions
{
    /// <summary>The scheduling policy.</summary>
    public SchedulingPolicy Policy { get; init; } = SchedulingPolicy.Paged;

    /// <summary>Most sequences in one iteration. At least 1.</summary>
    public int MaxBatch { get; init; } = 16;

    /// <summary>Most tokens that the paged policy computes in one iteration; at least <see cref="MaxBatch"/>. The other policies run prompts whole.</summary>
    public int TokenBudget { get; init; } = 512;

    /// <summary>Longest prompt and output together, in tokens; null, or more than the model's, is the model's own limit.</summary>
    public int? MaxContextTokens { get; init; }

    /// <summary>Requests that may wait to start; more are refused with <see cref="Requests.RefusalReason.QueueFull"/>.</summary>
    public int QueueLimit { get; init; } = 256;

    /// <summary>The paged policy reuses the blocks of prompts it has seen.</summary>
    public bool PrefixCaching { get; init; } = true;

    /// <summary>
    /// The request policy runs every prompt of a batch whole in its first iteration; otherwise, as FasterTransformer does, at the
    /// shortest one's length, and the rest of the longer ones a token at a time.
    /// </summary>
    public bool RequestWholePrompts { get; init; }
}
