using Fathom.Ycsb.Workloads;

namespace Fathom.Ycsb;

/// <summary>How a workload runs.</summary>
public sealed record YcsbOptions
{
    /// <summary>Clients, each waiting for its operation before the next.</summary>
    public int Threads { get; init; } = 16;

    /// <summary>Bytes of a value; ten fields of 100 bytes in YCSB.</summary>
    public int ValueBytes { get; init; } = 1000;

    /// <summary>Time before counting begins.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time counted.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Instead of the workload's own distribution.</summary>
    public RequestDistribution? Distribution { get; init; }

    /// <summary>Seed of all choices.</summary>
    public ulong Seed { get; init; } = 1;
}
