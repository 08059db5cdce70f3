using System.Diagnostics;
using Fathom.Cli.Commands.Bench.LookUps;
using Fathom.Cli.Reports;
using Fathom.Memory;
using Fathom.Tiering.BlockLog;
using Fathom.Tiering.Tiers;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Cli.Commands.BlockLogs;

/// <summary>Times of one way, µs: the median over the repetitions of each percentile, with the smallest and largest median.</summary>
internal sealed record LookUpTimes(double P50Us, double P50UsMin, double P50UsMax, double P99Us)
{
    public static LookUpTimes Of(List<double[]> repetitions)
    {
        repetitions.ForEach(Array.Sort);
        var p50 = Spread.Of(repetitions.Select(times => times[times.Length / 2]));
        return new LookUpTimes(p50.Median, p50.Min, p50.Max, Spread.Of(repetitions.Select(times => times[times.Length * 99 / 100])).Median);
    }
}

/// <summary>Look-ups by the storage function, by reads and single reads of 4 KiB, one of each in turn, so that the drive's mood meets all of them.</summary>
/// <param name="log">Filled.</param>
/// <param name="path">Its file.</param>
/// <param name="indexOffset">Where reads of 4 KiB may begin.</param>
/// <param name="indexBytes">Bytes from there on.</param>
/// <param name="seed">Of the choice of conversations.</param>
internal sealed class LookUpRace(KvBlockLog log, string path, long indexOffset, long indexBytes, int seed)
{
    private const int ReadBytes = 4096;
    private readonly Random _random = new(seed);

    /// <summary>What one shape and depth took.</summary>
    internal sealed record Row(
        string Shape, int Blocks, double Hops, double Submissions, LookUpTimes StorageFunction, LookUpTimes Match, LookUpTimes PreadWalk, LookUpTimes SingleRead,
        double RatioToSingleRead, double RatioToPreadWalk);

    public async Task<Row> RunAsync(string shape, List<KvBlockKey[]> chains, int blocks, int lookUps, int repetitions, CancellationToken cancellation)
    {
        using SafeFileHandle handle = DirectFile.Open(path, isCached: !log.IsDirect);
        using var page = NativeBuffer.Allocate(ReadBytes, ReadBytes);
        List<double[]> function = [], match = [], walk = [], read = [];
        var (hops, submissions) = (0L, 0L);
        for (var repetition = -1; repetition < repetitions; repetition++)
        {
            var times = Enumerable.Range(0, 4).Select(_ => new double[lookUps]).ToArray();
            for (var i = 0; i < lookUps; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                var (a, b, c) = (Pick(chains, blocks), Pick(chains, blocks), Pick(chains, blocks));
                var start = Stopwatch.GetTimestamp();
                var found = log.LookUp(a, LookUpWay.StorageFunction);
                times[0][i] = Since(ref start);
                var held = await log.MatchPrefixAsync(default, b, cancellation);
                times[1][i] = Since(ref start);
                log.Release(held.Lease);
                start = Stopwatch.GetTimestamp();
                var walked = log.LookUp(c, LookUpWay.Reads);
                times[2][i] = Since(ref start);
                _ = RandomAccess.Read(handle, page.AsSpan<byte>(0, ReadBytes), indexOffset + (_random.NextInt64(indexBytes / ReadBytes) * ReadBytes));
                times[3][i] = Since(ref start);
                if (found.Blocks != blocks || held.Blocks != blocks || walked.Blocks != blocks)
                    throw new CommandLine.CommandException($"A look-up found {found.Blocks}, {held.Blocks} and {walked.Blocks} of {blocks} blocks{(held.HasFailed ? "; the second failed" : "")}.");
                hops += found.Hops;
                submissions += found.Submissions;
            }
            if (repetition < 0)
            {
                (hops, submissions) = (0, 0); // compiles and warms up
                continue;
            }
            function.Add(times[0]);
            match.Add(times[1]);
            walk.Add(times[2]);
            read.Add(times[3]);
        }
        var (ours, reads, single) = (LookUpTimes.Of(function), LookUpTimes.Of(walk), LookUpTimes.Of(read));
        var count = (double)lookUps * repetitions;
        return new Row(shape, blocks, hops / count, submissions / count, ours, LookUpTimes.Of(match), reads, single, ours.P50Us / single.P50Us, ours.P50Us / reads.P50Us);
    }

    private ReadOnlyMemory<KvBlockKey> Pick(List<KvBlockKey[]> chains, int blocks) => chains[_random.Next(chains.Count)].AsMemory(0, blocks);

    private static double Since(ref long start)
    {
        var now = Stopwatch.GetTimestamp();
        var time = Stopwatch.GetElapsedTime(start, now).TotalMicroseconds;
        start = now;
        return time;
    }
}
