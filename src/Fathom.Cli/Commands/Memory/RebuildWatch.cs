using System.Diagnostics;
using Fathom.FarMemory.Pool;

namespace Fathom.Cli.Commands.Memory;

/// <summary>Times a rebuild from its first fragment to the moment when nothing is left to rebuild.</summary>
/// <remarks>Owned by a benchmark; looks every 10 ms on a task of its own after <see cref="Start"/>.</remarks>
internal sealed class RebuildWatch(IFarPool pool)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private Task<double> _measured = Task.FromResult(0.0);

    /// <summary>A node is gone from now on.</summary>
    public void Start() => _measured = MeasureAsync();

    /// <summary>Bytes rebuilt per second, MB/s.</summary>
    public Task<double> MbPerSAsync(CancellationToken cancellation) => _measured.WaitAsync(cancellation);

    private async Task<double> MeasureAsync()
    {
        var bytesBefore = pool.Counters.RebuiltBytes;
        using var tick = new PeriodicTimer(Look);
        var called = Stopwatch.GetTimestamp();
        long first = 0;
        while (await tick.WaitForNextTickAsync() && Stopwatch.GetElapsedTime(called) < Patience)
        {
            var now = pool.Counters;
            if (now.RebuiltBytes == bytesBefore)
                continue;
            if (first == 0)
                first = Stopwatch.GetTimestamp();
            else if (now.RebuildBacklog == 0)
                return Math.Round((now.RebuiltBytes - bytesBefore) / 1e6 / Stopwatch.GetElapsedTime(first).TotalSeconds, 1);
        }
        return 0;
    }
}
