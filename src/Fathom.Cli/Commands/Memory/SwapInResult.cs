using System.Diagnostics;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.Memory;

namespace Fathom.Cli.Commands.Memory;

/// <summary>Latency of the bare swap-in, and what it allocates: one thread, one span at a time, no heap.</summary>
internal sealed record SwapInResult(int SpanBytes, double P50Us, double P99Us, double AllocatedBytes)
{
    private const int Bytes = 8192;
    private const int Sets = 64;
    private const int Reads = 20_000;
    private static readonly TimeSpan OperationTime = TimeSpan.FromSeconds(5);

    public static async Task<SwapInResult> MeasureAsync(IFarPool pool, ulong seed, CancellationToken cancellation)
    {
        using var bytes = NativeBuffer.Allocate(16L * Bytes);
        var ids = new List<SpanId>();
        var images = Enumerable.Range(0, pool.SpansPerSet).Select(i => new SpanImage(bytes.View.Slice((long)i * Bytes, Bytes))).ToArray();
        for (var set = 0; set < Sets; set++)
        {
            var written = new SpanId[images.Length];
            var outcome = await pool.WriteSpanSetAsync(images, written, OperationTime, cancellation);
            if (!outcome.IsWritten)
                throw new CommandException($"The first span sets could not be written: {outcome.Status}.");
            ids.AddRange(written);
        }
        var latencies = new LatencyHistogram();
        var random = new Random((int)seed);
        long allocated = 0;
        await Task.Run(() =>
        {
            for (var i = 0; i < Reads; i++)
            {
                var span = ids[random.Next(ids.Count)];
                var before = GC.GetAllocatedBytesForCurrentThread();
                var start = Stopwatch.GetTimestamp();
                pool.ReadSpan(span, bytes.View, OperationTime);
                if (i < Reads / 4)
                    continue;
                latencies.Add(Stopwatch.GetTimestamp() - start);
                allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            }
        }, cancellation);
        ids.ForEach(pool.Release);
        return new SwapInResult(Bytes, latencies.PercentileUs(0.5), latencies.PercentileUs(0.99), Math.Round(allocated / (Reads * 0.75), 2));
    }
}
