namespace Fathom.Ycsb;

/// <summary>What a run of a workload gave.</summary>
/// <param name="Workload">Name of its file.</param>
/// <param name="Distribution">Which records were asked for.</param>
/// <param name="OpsPerS">Operations a second over all clients.</param>
/// <param name="P50Us">Median latency of all operations.</param>
/// <param name="P99Us">99th percentile.</param>
/// <param name="ReadP99Us">99th percentile of reads alone; 0 of none.</param>
/// <param name="CpuUsPerOp">Processor time of the process, background work included.</param>
/// <param name="Operations">Operations counted.</param>
/// <param name="NotFound">Reads of records that were just being inserted.</param>
public sealed record YcsbResult(
    string Workload, string Distribution, double OpsPerS, double P50Us, double P99Us, double ReadP99Us, double CpuUsPerOp, long Operations, long NotFound);
