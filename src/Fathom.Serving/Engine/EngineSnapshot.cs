namespace Fathom.Serving.Engine;

/// <summary>What an engine is doing.</summary>
public enum EngineState
{
    /// <summary>Takes requests.</summary>
    Running,

    /// <summary>Finishes what it has, takes no more.</summary>
    Draining,

    /// <summary>Everything ended in order.</summary>
    Stopped,

    /// <summary>The executor or the engine failed; see <see cref="EngineSnapshot.Failure"/>.</summary>
    Failed,
}

/// <summary>Counters of an engine after its last iteration, all taken at one moment.</summary>
/// <param name="State">What it is doing.</param>
/// <param name="Failure">One line on the failure, with <see cref="EngineState.Failed"/>.</param>
/// <param name="RunningSequences">Sequences that hold KV blocks.</param>
/// <param name="WaitingRequests">Requests that wait for their first iteration.</param>
/// <param name="FreeBlocks">KV blocks without content.</param>
/// <param name="CachedBlocks">KV blocks with reusable content that no sequence holds.</param>
/// <param name="UsedBlocks">KV blocks that sequences hold.</param>
/// <param name="TotalBlocks">Free, cached and used together.</param>
/// <param name="Iterations">Iterations since the start.</param>
/// <param name="PromptTokens">Prompt tokens of started requests.</param>
/// <param name="GeneratedTokens">Tokens generated.</param>
/// <param name="Preemptions">Sequences whose blocks were taken away, to be loaded from the tiers or computed again later.</param>
/// <param name="PrefixQueriedTokens">Tokens looked up in the prefix cache.</param>
/// <param name="PrefixHitTokens">Tokens found there.</param>
public sealed record EngineSnapshot(
    EngineState State,
    string? Failure,
    int RunningSequences,
    int WaitingRequests,
    int FreeBlocks,
    int CachedBlocks,
    int UsedBlocks,
    int TotalBlocks,
    long Iterations,
    long PromptTokens,
    long GeneratedTokens,
    long Preemptions,
    long PrefixQueriedTokens,
    long PrefixHitTokens)
{
    /// <summary>Share of the KV blocks that sequences hold, from 0 to 1.</summary>
    public double KvUsage => TotalBlocks == 0 ? 0 : (double)UsedBlocks / TotalBlocks;
}
