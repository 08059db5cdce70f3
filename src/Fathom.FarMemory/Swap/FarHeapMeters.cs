using System.Diagnostics.Metrics;
using Fathom.FarMemory.Pool;

namespace Fathom.FarMemory.Swap;

/// <summary>What a heap counts: plain counters that are always there, and instruments where a meter factory was given.</summary>
/// <remarks>Any thread may call any member; recording allocates nothing.</remarks>
internal sealed class FarHeapMeters
{
    private readonly Histogram<double>? _swapInSeconds;
    private readonly Counter<long>? _bytesIn;
    private readonly Counter<long>? _bytesOut;
    private long _swapIns;
    private long _swapInsDegraded;
    private long _swappedInBytes;
    private long _swapOuts;
    private long _swappedOutBytes;
    private long _setsWritten;
    private long _setsRefused;
    private long _objectsMoved;
    private long _racesWon;

    /// <summary>Makes the counts, and the instruments when there is a factory.</summary>
    /// <param name="factory">Where the instruments come from.</param>
    /// <param name="gauges">The heap's gauges at this moment.</param>
    public FarHeapMeters(IMeterFactory? factory, Func<FarHeapCounters> gauges)
    {
        if (factory is null)
            return;
        var meter = factory.Create("Fathom.FarMemory.Heap");
        _swapInSeconds = meter.CreateHistogram<double>("fathom.far_memory.swap_in.duration", "s", "Time to bring one span to local memory.");
        _bytesIn = meter.CreateCounter<long>("fathom.far_memory.swap_in.bytes", "By", "Bytes brought to local memory.");
        _bytesOut = meter.CreateCounter<long>("fathom.far_memory.swap_out.bytes", "By", "Bytes that left local memory.");
        meter.CreateObservableGauge("fathom.far_memory.local.bytes", () => gauges().LocalBytes, "By", "Local pages in use.");
        meter.CreateObservableGauge("fathom.far_memory.far.bytes", () => gauges().FarBytes, "By", "Spans in far memory.");
    }

    public void SwappedIn(long bytes, TimeSpan duration, bool isDegraded)
    {
        Interlocked.Increment(ref _swapIns);
        Interlocked.Add(ref _swappedInBytes, bytes);
        if (isDegraded)
            Interlocked.Increment(ref _swapInsDegraded);
        _swapInSeconds?.Record(duration.TotalSeconds);
        _bytesIn?.Add(bytes);
    }

    public void SwappedOut(long bytes)
    {
        Interlocked.Increment(ref _swapOuts);
        Interlocked.Add(ref _swappedOutBytes, bytes);
        _bytesOut?.Add(bytes);
    }

    public void SetWritten(WriteStatus status)
    {
        if (status is WriteStatus.Written or WriteStatus.WrittenDegraded)
            Interlocked.Increment(ref _setsWritten);
        else
            Interlocked.Increment(ref _setsRefused);
    }

    public void Moved(int objects) => Interlocked.Add(ref _objectsMoved, objects);

    public void RaceWon() => Interlocked.Increment(ref _racesWon);

    public void Fill(ref FarHeapCounters counters) => counters = counters with
    {
        SwapIns = Interlocked.Read(ref _swapIns),
        SwapInsDegraded = Interlocked.Read(ref _swapInsDegraded),
        SwappedInBytes = Interlocked.Read(ref _swappedInBytes),
        SwapOuts = Interlocked.Read(ref _swapOuts),
        SwappedOutBytes = Interlocked.Read(ref _swappedOutBytes),
        SetsWritten = Interlocked.Read(ref _setsWritten),
        SetsRefused = Interlocked.Read(ref _setsRefused),
        ObjectsMoved = Interlocked.Read(ref _objectsMoved),
        RacesWon = Interlocked.Read(ref _racesWon),
    };
}
