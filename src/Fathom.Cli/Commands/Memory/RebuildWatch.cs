using System.Diagnostics;
using Fathom.FarMemory.Pool;

namespace Fathom.Cli.Commands.Memory;

/// <summary>How a rebuild went. Bytes are those written to the nodes that replaced the dead one.</summary>
/// <param name="Mb">What was rebuilt.</param>
/// <param name="MbPerS">While it ran.</param>
/// <param name="BeganAfterS">From the node's death to the first fragment.</param>
/// <param name="WholeAfterS">From the node's death to full redundancy.</param>
internal sealed record RebuildResult(double Mb, double MbPerS, double BeganAfterS, double WholeAfterS);

/// <summary>Times a rebuild from a node's death to the moment when nothing is left to rebuild.</summary>
/// <remarks>Owned by a benchmark; looks every 10 ms on a task of its own after <see cref="Start"/>.</remarks>
internal sealed class RebuildWatch(IFarPool pool)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private Task<RebuildResult?> _measured = Task.FromResult<RebuildResult?>(null);

    /// <summary>A node dies now.</summary>
    public void Start() => _measured = Task.Run(MeasureAsync);

    /// <summary>Null when it took too long to be measured.</summary>
    public Task<RebuildResult?> ResultAsync(CancellationToken cancellation) => _measured.WaitAsync(cancellation);

    private async Task<RebuildResult?> MeasureAsync()
    {
        var death = Stopwatch.GetTimestamp();
        var bytesBefore = pool.Counters.RebuiltBytes;
        using var tick = new PeriodicTimer(Look);
        (long At, long Bytes) first = default;
        while (await tick.WaitForNextTickAsync() && Stopwatch.GetElapsedTime(death) < Patience)
        {
            var now = pool.Counters;
            if (now.RebuiltBytes == bytesBefore)
                continue;
            if (first.At == 0)
                first = (Stopwatch.GetTimestamp(), now.RebuiltBytes);
            if (now.RebuildBacklog > 0 || now.RebuiltBytes == first.Bytes)
                continue;
            var seconds = Stopwatch.GetElapsedTime(first.At).TotalSeconds;
            return new RebuildResult(
                Math.Round((now.RebuiltBytes - bytesBefore) / 1e6, 1), Math.Round((now.RebuiltBytes - first.Bytes) / 1e6 / seconds, 1),
                Math.Round(Stopwatch.GetElapsedTime(death, first.At).TotalSeconds, 3), Math.Round(Stopwatch.GetElapsedTime(death).TotalSeconds, 3));
        }
        return null;
    }
}
