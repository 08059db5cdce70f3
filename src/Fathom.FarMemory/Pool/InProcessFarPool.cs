using Fathom.FarMemory.Identity;
using Fathom.Memory;

namespace Fathom.FarMemory.Pool;

/// <summary>
/// A pool without nodes: spans are kept as byte arrays of this process, within a capacity. For tests and samples of what stands on
/// <see cref="IFarPool"/>; it survives nothing.
/// </summary>
/// <remarks>Any thread may call any member; one lock guards the table.</remarks>
public sealed class InProcessFarPool : IFarPool
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SpanId, byte[]> _spans = [];
    private readonly HashSet<SpanId> _lost = [];
    private readonly long _capacityBytes;
    private PoolCounters _counters;
    private uint _lastSpan;

    /// <summary>An empty pool.</summary>
    /// <param name="capacityBytes">Bytes of spans it takes before writes end with <see cref="WriteStatus.NoSpace"/>.</param>
    /// <param name="spansPerSet">What <see cref="SpansPerSet"/> says.</param>
    public InProcessFarPool(long capacityBytes, int spansPerSet = 4)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacityBytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(spansPerSet);
        _capacityBytes = capacityBytes;
        SpansPerSet = spansPerSet;
    }

    /// <inheritdoc/>
    public int SpansPerSet { get; }

    /// <inheritdoc/>
    public PoolCounters Counters
    {
        get
        {
            lock (_lock)
            {
                return _counters;
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<WriteOutcome> WriteSpanSetAsync(
        ReadOnlyMemory<SpanImage> spans, Memory<SpanId> ids, TimeSpan timeout, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(spans.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(spans.Length, SpansPerSet);
        ArgumentOutOfRangeException.ThrowIfLessThan(ids.Length, spans.Length);
        if (cancellation.IsCancellationRequested)
        {
            return new ValueTask<WriteOutcome>(new WriteOutcome(WriteStatus.Cancelled));
        }

        lock (_lock)
        {
            var bytes = 0L;
            foreach (var image in spans.Span)
            {
                if (image.Bytes.Length != spans.Span[0].Bytes.Length)
                {
                    throw new ArgumentException("The spans of a set differ in length.", nameof(spans));
                }

                bytes += image.Bytes.Length;
            }

            if (_counters.LiveBytes + bytes > _capacityBytes)
            {
                return new ValueTask<WriteOutcome>(new WriteOutcome(WriteStatus.NoSpace));
            }

            for (var i = 0; i < spans.Length; i++)
            {
                ids.Span[i] = new SpanId(++_lastSpan);
                _spans.Add(ids.Span[i], spans.Span[i].Bytes.AsSpan<byte>().ToArray());
            }

            _counters = _counters with
            {
                SetsWritten = _counters.SetsWritten + 1,
                SpanBytesWritten = _counters.SpanBytesWritten + bytes,
                FragmentBytesWritten = _counters.FragmentBytesWritten + bytes,
                LiveBytes = _counters.LiveBytes + bytes,
                AllocatedBytes = _counters.AllocatedBytes + bytes,
            };
            return new ValueTask<WriteOutcome>(new WriteOutcome(WriteStatus.Written));
        }
    }

    /// <inheritdoc/>
    public ValueTask<ReadOutcome> ReadSpanAsync(
        SpanId span, NativeView destination, TimeSpan timeout, CancellationToken cancellation = default) =>
        cancellation.IsCancellationRequested
            ? new ValueTask<ReadOutcome>(new ReadOutcome(ReadStatus.Cancelled))
            : new ValueTask<ReadOutcome>(ReadSpan(span, destination, timeout));

    /// <inheritdoc/>
    public ReadOutcome ReadSpan(SpanId span, NativeView destination, TimeSpan timeout)
    {
        lock (_lock)
        {
            if (!_spans.TryGetValue(span, out var bytes))
            {
                return new ReadOutcome(_lost.Contains(span) ? ReadStatus.Lost : ReadStatus.UnknownSpan);
            }

            if (destination.Length < bytes.Length)
            {
                return new ReadOutcome(ReadStatus.DestinationTooShort);
            }

            bytes.CopyTo(destination.AsSpan<byte>());
            _counters = _counters with { SpansRead = _counters.SpansRead + 1, FragmentReads = _counters.FragmentReads + 1 };
            return new ReadOutcome(ReadStatus.Read, bytes.Length);
        }
    }

    /// <inheritdoc/>
    public void Release(SpanId span)
    {
        lock (_lock)
        {
            _lost.Remove(span);
            if (_spans.Remove(span, out var bytes))
            {
                _counters = _counters with
                {
                    LiveBytes = _counters.LiveBytes - bytes.Length,
                    AllocatedBytes = _counters.AllocatedBytes - bytes.Length,
                };
            }
        }
    }

    /// <summary>Loses a span, as the third dead node of a set would: reads of it end with <see cref="ReadStatus.Lost"/>.</summary>
    /// <param name="span">A span that was written and not released.</param>
    /// <returns>Whether it was there.</returns>
    public bool Lose(SpanId span)
    {
        lock (_lock)
        {
            if (!_spans.Remove(span, out var bytes))
            {
                return false;
            }

            _counters = _counters with
            {
                SpansLost = _counters.SpansLost + 1,
                LiveBytes = _counters.LiveBytes - bytes.Length,
                AllocatedBytes = _counters.AllocatedBytes - bytes.Length,
            };
            return _lost.Add(span);
        }
    }
}
