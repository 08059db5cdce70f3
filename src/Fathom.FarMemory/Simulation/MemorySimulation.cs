namespace Fathom.FarMemory.Simulation;

/// <summary>A seed that broke a promise.</summary>
/// <param name="Seed">Reproduces the run on the same commit.</param>
/// <param name="Violation">Which promise, when.</param>
public readonly record struct FailedSeed(ulong Seed, string Violation);

/// <summary>What a range of seeds did, added up.</summary>
public sealed record SimulationSummary
{
    /// <summary>Seeds run.</summary>
    public long Seeds { get; internal set; }

    /// <summary>Seeds that broke a promise, lowest first.</summary>
    public IReadOnlyList<FailedSeed> Failures { get; internal set; } = [];

    /// <summary>Simulated events.</summary>
    public long Events { get; internal set; }

    /// <summary>Faults of nodes, connections and bits, those of single messages not counted.</summary>
    public long Faults { get; internal set; }

    /// <summary>Span sets acknowledged.</summary>
    public long SetsAcknowledged { get; internal set; }

    /// <summary>Spans read under faults, all with the right bytes.</summary>
    public long SpansRead { get; internal set; }

    /// <summary>Spans read again at the end, or found to be rightly lost.</summary>
    public long SpansVerified { get; internal set; }

    /// <summary>Spans lost to more faults than their scheme survives.</summary>
    public long SpansLost { get; internal set; }

    /// <summary>Reads that were decoded from other fragments.</summary>
    public long DegradedReads { get; internal set; }

    /// <summary>Compactions committed.</summary>
    public long Compactions { get; internal set; }

    /// <summary>Compactions cancelled.</summary>
    public long CompactionsAborted { get; internal set; }

    /// <summary>Fragments rebuilt or moved.</summary>
    public long FragmentsRebuilt { get; internal set; }

    internal void Add(SimulationTally tally)
    {
        Events += tally.Events;
        Faults += tally.Faults;
        SetsAcknowledged += tally.SetsAcknowledged;
        SpansRead += tally.Reads;
        SpansVerified += tally.Verified;
        SpansLost += tally.SpansLost;
        DegradedReads += tally.Counters.DegradedReads;
        Compactions += tally.Counters.Compactions;
        CompactionsAborted += tally.Counters.CompactionsAborted;
        FragmentsRebuilt += tally.Counters.FragmentsRebuilt;
    }
}

/// <summary>Runs simulated clusters: the same state machines as in production, under a network, a clock and nodes that a seed decides.</summary>
public static class MemorySimulation
{
    /// <summary>Runs seeds one after another on several threads; no two share anything.</summary>
    /// <param name="firstSeed">The first of them.</param>
    /// <param name="seeds">How many.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="progress">Called now and then with the number of seeds done, by any thread; may be null.</param>
    /// <param name="cancellation">Ends early; the summary then has what was done.</param>
    public static SimulationSummary Run(
        ulong firstSeed, long seeds, int threads, Action<long>? progress = null, CancellationToken cancellation = default) =>
        Run(firstSeed, seeds, threads, PlantedFault.None, progress, cancellation);

    internal static SimulationSummary Run(
        ulong firstSeed, long seeds, int threads, PlantedFault planted, Action<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(seeds);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        var summary = new SimulationSummary();
        var failures = new List<FailedSeed>();
        var gate = new Lock();
        var next = -1L;
        var workers = new Thread[threads];
        for (var i = 0; i < threads; i++)
        {
            workers[i] = new Thread(Work) { IsBackground = true, Name = "simulation" };
            workers[i].Start();
        }
        foreach (var worker in workers)
            worker.Join();
        failures.Sort((one, other) => one.Seed.CompareTo(other.Seed));
        summary.Failures = failures;
        return summary;

        void Work()
        {
            while (!cancellation.IsCancellationRequested)
            {
                var index = Interlocked.Increment(ref next);
                if (index >= seeds)
                    return;
                var (tally, failure) = RunOne(firstSeed + (ulong)index, planted);
                lock (gate)
                {
                    summary.Seeds++;
                    if (tally is not null)
                        summary.Add(tally);
                    if (failure is { } failed)
                        failures.Add(failed);
                }
                progress?.Invoke(index + 1);
            }
        }
    }

    private static (SimulationTally? Tally, FailedSeed? Failure) RunOne(ulong seed, PlantedFault planted)
    {
        using var simulation = new PoolSimulation(seed, planted);
        try
        {
            return (simulation.Run(), null);
        }
        catch (SimulationFailedException failure)
        {
            return (null, new FailedSeed(seed, failure.Message));
        }
    }
}
