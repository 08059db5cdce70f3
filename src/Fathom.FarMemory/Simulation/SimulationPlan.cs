using Fathom.FarMemory.Pool;

namespace Fathom.FarMemory.Simulation;

/// <summary>What one seed means: the shape of the cluster, the load and the faults of its first phase.</summary>
internal sealed record SimulationPlan
{
    public required FarPoolOptions Options { get; init; }

    public required int Nodes { get; init; }

    public required int RegionGranules { get; init; }

    public required int RegionsANodeMax { get; init; }

    public required int FragmentBytes { get; init; }

    /// <summary>Length of the first phase.</summary>
    public required long FaultyUs { get; init; }

    /// <summary>Average pause between two operations of the load.</summary>
    public required long OperationEveryUs { get; init; }

    /// <summary>Live spans above which the load releases more than it writes.</summary>
    public required int SpansMax { get; init; }

    public required NetworkFaults Network { get; init; }

    /// <summary>Average pause between two faults of nodes; 0 for none.</summary>
    public required long FaultEveryUs { get; init; }

    /// <summary>Kinds of node faults in use.</summary>
    public required NodeFaults Faults { get; init; }

    /// <summary>No set ever loses more fragments than it has parities: then nothing may be lost.</summary>
    public required bool IsSurvivable { get; init; }

    public PlantedFault Planted { get; init; }

    /// <summary>Chooses by seed; different seeds turn different faults on, so that rare ones are not drowned by common ones.</summary>
    public static SimulationPlan Draw(SimRandom random, PlantedFault planted)
    {
        var scheme = random.Below(10) switch
        {
            0 => RedundancyScheme.ErasureSplit,
            1 => RedundancyScheme.ReplicationTwo,
            2 => RedundancyScheme.ReplicationThree,
            3 => RedundancyScheme.None,
            _ => RedundancyScheme.ErasureBatch,
        };
        var isNone = scheme == RedundancyScheme.None;
        var options = new FarPoolOptions
        {
            Scheme = scheme,
            Compaction = random.Chance(0.7) ? CompactionMode.Remote : CompactionMode.Local,
            CompactionsMax = 1 + random.Below(3),
            DeadShareMax = random.Chance(0.5) ? 0.2 : 0.4,
            RebuildsMax = 1 + random.Below(8),
            DegradedWriteMissingMax = isNone || random.Chance(0.5) ? 0 : 1,
            HedgeAfterUs = 2_000,
            RequestTimeoutUs = 10_000,
            ProbeIntervalUs = 5_000,
            DownAfterUs = 40_000,
            RetryDelayUs = 2_000,
            ScrubIntervalUs = random.Chance(0.5) ? 1_000 : 5_000,
        };
        var width = options.CodeData + options.CodeParity;
        var faults = (NodeFaults)(random.Next() & (ulong)NodeFaults.All);
        return new SimulationPlan
        {
            Options = options,
            Nodes = width + random.Below(4),
            RegionGranules = 24 + random.Below(40),
            RegionsANodeMax = 1 + random.Below(2),
            FragmentBytes = 32 << random.Below(2),
            FaultyUs = 150_000,
            OperationEveryUs = 300 + random.Below(1_200),
            SpansMax = 16 + random.Below(60),
            Network = new NetworkFaults
            {
                DropRate = random.Chance(0.5) ? 0.02 * random.Below(4) : 0,
                DuplicateRate = random.Chance(0.5) ? 0.05 * random.Below(4) : 0,
                HoldRate = random.Chance(0.5) ? 0.05 * random.Below(4) : 0,
                HeldUsMax = 1 + random.Below(40_000),
            },
            FaultEveryUs = random.Chance(0.1) ? 0 : 4_000 + random.Below(25_000),
            Faults = faults,
            IsSurvivable = random.Chance(0.75),
            Planted = planted,
        };
    }
}

/// <summary>What may happen to nodes.</summary>
[Flags]
internal enum NodeFaults
{
    None = 0,
    Kill = 1,
    RestartEmpty = 2,
    Pause = 4,
    Slow = 8,
    FlipBit = 16,
    CutBoth = 32,
    CutOneWay = 64,
    CutBetweenNodes = 128,
    Drain = 256,
    All = 511,
}
