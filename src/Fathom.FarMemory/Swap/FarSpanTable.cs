using System.Diagnostics;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Identity;
using Fathom.Memory;

namespace Fathom.FarMemory.Swap;

/// <summary>What reading a far span begins with.</summary>
internal enum FarReadStart
{
    /// <summary>The caller reads it and ends with <see cref="FarSpanTable.EndRead"/>.</summary>
    Begun,

    /// <summary>It is not far any more: look at the pointer again.</summary>
    Gone,

    /// <summary>Somebody else was reading it until the deadline.</summary>
    TimedOut,
}

/// <summary>What this process knows of each span it has in far memory: shape, living objects, whether somebody reads it.</summary>
/// <remarks>Any thread may call any member. A shard's monitor guards its part; waiters for a reader sleep on it.</remarks>
internal sealed class FarSpanTable
{
    private const int Shards = 64;

    private readonly Shard[] _shards = [.. Enumerable.Range(0, Shards).Select(_ => new Shard())];
    private long _spans;
    private long _bytes;

    /// <summary>Spans in far memory.</summary>
    public long Spans => Interlocked.Read(ref _spans);

    /// <summary>Their bytes, as they were in local memory.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>A span was written; readers wait until <see cref="Settle"/>, while pointers are made to name it.</summary>
    /// <param name="span">Its id.</param>
    /// <param name="sizeClass">Size class, -1 for a large object.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="objects">Objects that may come to live in it.</param>
    public void Add(SpanId span, int sizeClass, in SizeClass shape, int objects)
    {
        var shard = ShardOf(span);
        lock (shard)
        {
            var record = shard.Unused.TryPop(out var unused) ? unused : new FarSpan();
            record.Class = sizeClass;
            record.Shape = shape;
            record.Live = objects;
            record.State = FarSpanState.Filling;
            shard.Spans.Add(span, record);
        }
        Interlocked.Increment(ref _spans);
        Interlocked.Add(ref _bytes, (long)shape.Pages << SizeClasses.PageShift);
    }

    /// <summary>All pointers that could be made to name the span do.</summary>
    /// <param name="span">Its id.</param>
    /// <param name="missed">Objects of <see cref="Add"/> that did not come: the application kept or freed them.</param>
    /// <returns>True when nothing lives in it; it is forgotten and the caller releases it.</returns>
    public bool Settle(SpanId span, int missed)
    {
        var shard = ShardOf(span);
        lock (shard)
        {
            var record = shard.Spans[span];
            Invariant.Check(record.State == FarSpanState.Filling);
            record.Live -= missed;
            record.State = FarSpanState.Far;
            if (shard.Waiters > 0)
                Monitor.PulseAll(shard);
            return ForgetIfDead(shard, span, record);
        }
    }

    /// <summary>Claims a span for reading, waiting for another reader if need be.</summary>
    public FarReadStart BeginRead(SpanId span, long deadline, out int sizeClass, out SizeClass shape)
    {
        var shard = ShardOf(span);
        lock (shard)
        {
            while (shard.Spans.TryGetValue(span, out var record))
            {
                if (record.State == FarSpanState.Far)
                {
                    record.State = FarSpanState.Reading;
                    sizeClass = record.Class;
                    shape = record.Shape;
                    return FarReadStart.Begun;
                }
                var leftMs = (deadline - Stopwatch.GetTimestamp()) * 1000.0 / Stopwatch.Frequency;
                sizeClass = 0;
                shape = default;
                if (leftMs <= 0)
                    return FarReadStart.TimedOut;
                shard.Waiters++;
                Monitor.Wait(shard, (int)Math.Clamp(leftMs, 1, int.MaxValue));
                shard.Waiters--;
            }
        }
        sizeClass = 0;
        shape = default;
        return FarReadStart.Gone;
    }

    /// <summary>Ends a read that <see cref="BeginRead"/> began.</summary>
    /// <param name="span">Its id.</param>
    /// <param name="isLocal">The objects are in local memory: the span is forgotten.</param>
    /// <returns>True when the span is forgotten and the caller releases it.</returns>
    public bool EndRead(SpanId span, bool isLocal)
    {
        var shard = ShardOf(span);
        lock (shard)
        {
            var record = shard.Spans[span];
            Invariant.Check(record.State == FarSpanState.Reading);
            record.State = FarSpanState.Far;
            if (isLocal)
                record.Live = 0;
            if (shard.Waiters > 0)
                Monitor.PulseAll(shard);
            return ForgetIfDead(shard, span, record);
        }
    }

    /// <summary>The application freed an object that was far.</summary>
    /// <returns>True when it was the last one; the span is forgotten and the caller releases it.</returns>
    public bool ObjectDied(SpanId span)
    {
        var shard = ShardOf(span);
        lock (shard)
        {
            if (!shard.Spans.TryGetValue(span, out var record))
                return false;
            record.Live--;
            // While it fills or is read, whoever does that looks at the count afterwards.
            return record.State == FarSpanState.Far && ForgetIfDead(shard, span, record);
        }
    }

    /// <summary>Every span in the table, for its release when the heap closes.</summary>
    public IEnumerable<SpanId> All()
    {
        foreach (var shard in _shards)
        {
            SpanId[] ids;
            lock (shard)
                ids = [.. shard.Spans.Keys];
            foreach (var id in ids)
                yield return id;
        }
    }

    private bool ForgetIfDead(Shard shard, SpanId span, FarSpan record)
    {
        if (record.Live > 0)
            return false;
        shard.Spans.Remove(span);
        shard.Unused.Push(record);
        Interlocked.Decrement(ref _spans);
        Interlocked.Add(ref _bytes, -((long)record.Shape.Pages << SizeClasses.PageShift));
        return true;
    }

    private Shard ShardOf(SpanId span) => _shards[span.Value % Shards];

    private enum FarSpanState
    {
        Filling,
        Far,
        Reading,
    }

    private sealed class FarSpan
    {
        public int Class;
        public SizeClass Shape;
        public int Live;
        public FarSpanState State;
    }

    private sealed class Shard
    {
        public Dictionary<SpanId, FarSpan> Spans { get; } = [];

        public Stack<FarSpan> Unused { get; } = new();

        public int Waiters { get; set; }
    }
}
