namespace Fathom.Storage;

/// <summary>What an engine has done since it started.</summary>
/// <param name="Chains">Chains that ended.</param>
/// <param name="Reads">Reads that were given to the system.</param>
/// <param name="SystemCalls">System calls made for them: reads, ring entries, looks at files.</param>
public readonly record struct EngineCounters(long Chains, long Reads, long SystemCalls);
