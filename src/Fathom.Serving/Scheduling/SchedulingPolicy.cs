namespace Fathom.Serving.Scheduling;

/// <summary>Which rule picks the sequences of an iteration.</summary>
public enum SchedulingPolicy
{
    /// <summary>Blocks on demand, chunked prefill under a token budget, preemption: blocks come back from the tiers or are computed again. The default.</summary>
    Paged,

    /// <summary>Algorithm 1 of Orca (OSDI 2022): first come first served, the whole K/V memory of a request reserved at its first iteration.</summary>
    Orca,

    /// <summary>Request-level batches: a batch returns when its longest request ends. The baseline that the others are measured against.</summary>
    Request,
}
