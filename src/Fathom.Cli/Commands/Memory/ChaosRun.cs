using System.Collections.Concurrent;
using System.Diagnostics;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Identity;

namespace Fathom.Cli.Commands.Memory;

/// <summary>What a chaos run found.</summary>
internal sealed record ChaosResult(
    long Acknowledged, long Verified, long Lost, long Wrong, long DegradedReads, long Rebuilds, long OverDeadline, long DeadlineReads, double SlowestMs,
    long Kills, long Pauses, long Cuts, long FlippedBits, long Drains, long Compactions, long ChecksumFailures,
    IReadOnlyDictionary<string, int> RefusedWrites, LossReport? Loss);

/// <summary>After three nodes of seven were killed at once.</summary>
/// <param name="Checked">Spans read afterwards.</param>
/// <param name="Readable">Right bytes, directly or decoded.</param>
/// <param name="Lost">Reads that ended as lost.</param>
/// <param name="ToldLost">Spans that the pool had named as lost by itself.</param>
/// <param name="IsExact">The two are the same spans.</param>
internal sealed record LossReport(int Checked, int Readable, int Lost, int ToldLost, bool IsExact);

/// <summary>Kills, pauses, cuts, corrupts and drains real node processes under load, at most two losses for a span set at a time.</summary>
internal sealed class ChaosRun(HostedFarPool pool, NodeCluster cluster, RegionDirectory directory, TextWriter progress, int seed, int threads, int spansPerThread)
{
    private static readonly TimeSpan OperationTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan HealTime = TimeSpan.FromSeconds(60);

    private readonly ChaosTally _tally = new();
    private readonly ConcurrentDictionary<SpanId, byte> _toldLost = new();
    private readonly Random _random = new(seed);
    private volatile bool _isOver;
    private long _kills;
    private long _pauses;
    private long _cuts;
    private long _flips;
    private long _drains;

    public async Task<ChaosResult> RunAsync(TimeSpan time, bool losesThree, CancellationToken cancellation)
    {
        pool.SpanLost += span => _toldLost[span] = 0;
        var oracles = Enumerable.Range(0, threads).Select(thread => new SpanOracle(pool, _tally, OperationTime, spansPerThread, HashCode.Combine(seed, thread) & 0xFFFFFF)).ToList();
        try
        {
            var workers = oracles.Select(oracle => Task.Factory.StartNew(() => WorkAsync(oracle), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap()).ToList();
            var start = Stopwatch.GetTimestamp();
            try
            {
                while (Stopwatch.GetElapsedTime(start) < time)
                {
                    await DisturbAsync(cancellation);
                    await HealAsync(cancellation);
                }
            }
            finally
            {
                _isOver = true;
            }
            await Task.WhenAll(workers);
            foreach (var oracle in oracles)
                await oracle.VerifyAllAsync();
            var lost = _tally.Lost.Count;
            var loss = losesThree ? await LoseThreeAsync(oracles, cancellation) : null;
            var counters = pool.Counters;
            return new ChaosResult(
                _tally.Acknowledged, _tally.Verified, lost, _tally.Wrong, counters.DegradedReads, counters.FragmentsRebuilt, _tally.Late, _tally.Deadlines,
                Math.Round(_tally.SlowestMs, 1), _kills, _pauses, _cuts, _flips, _drains, counters.Compactions, counters.ChecksumFailures,
                _tally.RefusedWrites.ToDictionary(refused => refused.Key.ToString(), refused => refused.Value), loss);
        }
        finally
        {
            oracles.ForEach(oracle => oracle.Dispose());
        }
    }

    private async Task WorkAsync(SpanOracle oracle)
    {
        while (!_isOver)
            await oracle.StepAsync();
    }

    private async Task DisturbAsync(CancellationToken cancellation)
    {
        await Task.Delay(_random.Next(50, 400), cancellation);
        var (first, second) = TwoNodes();
        switch (_random.Next(8))
        {
            case 0:
                await TellAsync($"kill {first + 1}");
                Kill(first);
                break;
            case 1:
                await TellAsync($"kill {first + 1} and {second + 1}");
                Kill(first);
                Kill(second);
                break;
            case 2:
                await TellAsync($"kill {first + 1}, then {second + 1} while the first is rebuilt");
                Kill(first);
                await Task.Delay(_random.Next(200, 1200), cancellation);
                Kill(second);
                break;
            case 3:
                var pauseMs = _random.Next(100, 3000);
                await TellAsync($"pause {first + 1} for {pauseMs} ms");
                cluster.Nodes[first].Pause();
                await Task.Delay(pauseMs, cancellation);
                cluster.Nodes[first].Resume();
                _pauses++;
                break;
            case 4:
                await TellAsync($"cut all connections of {first + 1} and {second + 1}");
                for (var i = 0; i < 5; i++)
                {
                    NodeFaults.CutConnections(cluster.Nodes[first].Endpoint);
                    NodeFaults.CutConnections(cluster.Nodes[second].Endpoint);
                    _cuts += 2;
                    await Task.Delay(20, cancellation);
                }
                break;
            case 5:
                await FlipAsync(first, cancellation);
                break;
            case 6:
                await TellAsync($"flip bits on {first + 1}, kill {second + 1}");
                _flips += NodeFaults.FlipBits(cluster.Nodes[first].Endpoint, _random.Next(), 16);
                Kill(second);
                await ScrubAllAsync(cancellation);
                break;
            default:
                await DrainAsync(first, cancellation);
                break;
        }
    }

    private async Task FlipAsync(int node, CancellationToken cancellation)
    {
        await TellAsync($"flip bits on {node + 1}");
        _flips += NodeFaults.FlipBits(cluster.Nodes[node].Endpoint, _random.Next(), 16);
        await ScrubAllAsync(cancellation);
    }

    /// <summary>SIGTERM; half of the time the node is killed before it is done.</summary>
    private async Task DrainAsync(int node, CancellationToken cancellation)
    {
        var crashes = _random.Next(2) == 0;
        await TellAsync(crashes ? $"drain {node + 1}, kill it halfway" : $"drain {node + 1}");
        _drains++;
        cluster.Nodes[node].Terminate();
        if (crashes)
        {
            await Task.Delay(_random.Next(50, 300), cancellation);
            Kill(node);
            return;
        }
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(HealTime);
        await cluster.Nodes[node].WaitForExitAsync(patience.Token);
    }

    /// <summary>Everything runs again and every span is fully redundant: only then may the next nodes fail.</summary>
    private async Task HealAsync(CancellationToken cancellation)
    {
        for (var i = 0; i < cluster.Nodes.Count; i++)
        {
            if (cluster.Nodes[i].HasExited)
                await cluster.RestartAsync(i, cancellation);
        }
        // A node killed a moment ago still counts as up until somebody has noticed; a directory that has seen all lives has.
        await Until(() => directory.Report().All(node => node.State == "up"), "all nodes to be up", cancellation);
        await Task.Delay(300, cancellation);
        await UntilWholeAsync(cancellation);
    }

    private Task UntilWholeAsync(CancellationToken cancellation) =>
        Until(() => pool.Counters is { RebuildBacklog: 0, SpansBelowFullRedundancy: 0 }, "full redundancy", cancellation);

    /// <summary>Until the scrubber has been round once: a flipped bit that nobody has read is a loss that nobody knows of.</summary>
    private async Task ScrubAllAsync(CancellationToken cancellation)
    {
        await UntilScrubbedAsync(cancellation);
        await UntilWholeAsync(cancellation);
    }

    private Task UntilScrubbedAsync(CancellationToken cancellation)
    {
        var before = pool.Counters.FragmentsScrubbed;
        // No fragment is smaller than a page of 8 KiB here; a round and a half covers sets that were written meanwhile.
        return Until(() => pool.Counters is var now && now.FragmentsScrubbed - before > now.AllocatedBytes / 8192 * 3 / 2, "a round of the scrubber", cancellation);
    }

    private async Task<LossReport> LoseThreeAsync(List<SpanOracle> oracles, CancellationToken cancellation)
    {
        await TellAsync("kill three nodes at once");
        var verifiedBefore = _tally.Verified;
        var lostBefore = _tally.Lost.Count;
        foreach (var node in (int[])[0, 1, 2])
            Kill(node);
        await Until(() => directory.Report().Count(node => node.State == "down") >= 3, "three nodes to be down", cancellation);
        foreach (var oracle in oracles)
            await oracle.VerifyAllAsync();
        var readable = (int)(_tally.Verified - verifiedBefore);
        var lost = _tally.Lost;
        await Task.Delay(500, cancellation);
        var isExact = lost.ToHashSet().SetEquals(_toldLost.Keys.Where(lost.Contains)) && oracles.Sum(oracle => oracle.Count) == readable + lost.Count - lostBefore;
        return new LossReport(oracles.Sum(oracle => oracle.Count), readable, lost.Count - lostBefore, _toldLost.Count, isExact && _toldLost.Count == lost.Count);
    }

    private (int First, int Second) TwoNodes()
    {
        var first = _random.Next(cluster.Nodes.Count);
        return (first, (first + 1 + _random.Next(cluster.Nodes.Count - 1)) % cluster.Nodes.Count);
    }

    private void Kill(int node)
    {
        cluster.Nodes[node].Kill();
        _kills++;
    }

    private async Task Until(Func<bool> condition, string what, CancellationToken cancellation)
    {
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        for (var start = Stopwatch.GetTimestamp(); !condition(); await look.WaitForNextTickAsync(cancellation))
        {
            if (Stopwatch.GetElapsedTime(start) > HealTime)
                throw new CommandException($"memory chaos: waited {HealTime.TotalSeconds:0} s for {what}: {pool.Counters}");
        }
    }

    private Task TellAsync(string what) => progress.WriteLineAsync($"chaos: {what}");
}
