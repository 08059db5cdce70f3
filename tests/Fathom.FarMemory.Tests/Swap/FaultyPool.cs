using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.Memory;

namespace Fathom.FarMemory.Tests.Swap;

/// <summary>A pool in this process whose reads and writes fail by a seed, and whose writes can be held back.</summary>
internal sealed class FaultyPool(int seed, double readFaults = 0, double writeFaults = 0, int spansPerSet = 4, long capacityBytes = 1L << 40)
    : IFarPool
{
    private static readonly WriteStatus[] WriteFailures =
        [WriteStatus.NoSpace, WriteStatus.TooFewNodes, WriteStatus.Deadline];

    private readonly InProcessFarPool _inner = new(capacityBytes, spansPerSet);
    private readonly Lock _lock = new();
    private readonly Random _random = new(seed);
    private volatile TaskCompletionSource _writesOpen = Opened();
    private int _writesWaiting;
    private Action? _onRead;

    public InProcessFarPool Inner => _inner;

    public int SpansPerSet => _inner.SpansPerSet;

    public PoolCounters Counters => _inner.Counters;

    public WriteStatus? FailAllWrites { get; set; }

    public ReadStatus? FailAllReads { get; set; }

    /// <summary>Reads give back a wrong byte, as if a checksum had been fooled.</summary>
    public bool FlipReads { get; set; }

    /// <summary>Called once, before the next read.</summary>
    public Action? OnRead
    {
        set => _onRead = value;
    }

    public int WritesWaiting => Volatile.Read(ref _writesWaiting);

    /// <summary>Writes begin and do not end until <see cref="OpenWrites"/>.</summary>
    public void HoldWrites() => _writesOpen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void OpenWrites()
    {
        _writesOpen.TrySetResult();
        _writesOpen = Opened();
    }

    /// <summary>Ends the writes that are held back as failed.</summary>
    public void FailHeldWrites() => _writesOpen.TrySetException(new TimeoutException());

    public async ValueTask<WriteOutcome> WriteSpanSetAsync(
        ReadOnlyMemory<SpanImage> spans, Memory<SpanId> ids, TimeSpan timeout, CancellationToken cancellation = default)
    {
        if (FailAllWrites is { } status)
            return new WriteOutcome(status);
        if (Chance(writeFaults))
            return new WriteOutcome(WriteFailures[Next(WriteFailures.Length)]);
        var before = Checksums(spans.Span);
        Interlocked.Increment(ref _writesWaiting);
        try
        {
            await _writesOpen.Task.WaitAsync(timeout, cancellation);
        }
        catch (TimeoutException)
        {
            return new WriteOutcome(WriteStatus.Deadline);
        }
        catch (OperationCanceledException)
        {
            return new WriteOutcome(WriteStatus.Cancelled);
        }
        finally
        {
            Interlocked.Decrement(ref _writesWaiting);
        }
        // The contract of images: nobody writes into one until its write has ended.
        Assert.Equal(before, Checksums(spans.Span));
        return await _inner.WriteSpanSetAsync(spans, ids, timeout, cancellation);
    }

    public ValueTask<ReadOutcome> ReadSpanAsync(SpanId span, NativeView destination, TimeSpan timeout, CancellationToken cancellation = default) =>
        new(ReadSpan(span, destination, timeout));

    public ReadOutcome ReadSpan(SpanId span, NativeView destination, TimeSpan timeout)
    {
        if (Interlocked.Exchange(ref _onRead, null) is { } action)
            action();
        if (FailAllReads is { } status)
            return new ReadOutcome(status);
        if (Chance(readFaults))
            return new ReadOutcome(ReadStatus.Deadline);
        var outcome = _inner.ReadSpan(span, destination, timeout);
        if (FlipReads)
            destination.AsSpan<byte>()[0] ^= 1;
        return outcome;
    }

    public void Release(SpanId span) => _inner.Release(span);

    private static TaskCompletionSource Opened()
    {
        var open = new TaskCompletionSource();
        open.SetResult();
        return open;
    }

    private static uint[] Checksums(ReadOnlySpan<SpanImage> spans)
    {
        var sums = new uint[spans.Length];
        for (var i = 0; i < sums.Length; i++)
            sums[i] = Fathom.FarMemory.Integrity.Crc32C.Compute(spans[i].Bytes);
        return sums;
    }

    private bool Chance(double probability)
    {
        if (probability == 0)
            return false;
        lock (_lock)
            return _random.NextDouble() < probability;
    }

    private int Next(int max)
    {
        lock (_lock)
            return _random.Next(max);
    }
}
