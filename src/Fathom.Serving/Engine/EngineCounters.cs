namespace Fathom.Serving.Engine;

/// <summary>The numbers of a snapshot, as the loop publishes them.</summary>
internal struct EngineCounters
{
    public EngineState State;
    public string? Failure;
    public int RunningSequences;
    public int WaitingRequests;
    public int FreeBlocks;
    public int CachedBlocks;
    public int UsedBlocks;
    public int TotalBlocks;
    public long Iterations;
    public long PromptTokens;
    public long GeneratedTokens;
    public long Preemptions;
    public long PrefixQueriedTokens;
    public long PrefixHitTokens;
}
