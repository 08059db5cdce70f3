using System.Collections.Concurrent;
using System.Diagnostics;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.Memory;

namespace Fathom.Cli.Commands.Memory;

/// <summary>One worker of a chaos run: writes, reads and releases spans of its own and knows what every byte of them must be.</summary>
/// <remarks>One thread. The model is what was acknowledged: a span's bytes follow from a number drawn when it was written.</remarks>
internal sealed class SpanOracle : IDisposable
{
    private const int SpanBytesMax = 64 << 10;

    private readonly IFarPool _pool;
    private readonly ChaosTally _tally;
    private readonly TimeSpan _operationTime;
    private readonly int _spansMax;
    private readonly Random _random;
    private readonly NativeBuffer _bytes;
    private readonly NativeBuffer _read = NativeBuffer.Allocate(SpanBytesMax);
    private readonly List<(SpanId Id, ulong Content, int Length)> _spans = [];
    private ulong _lastContent;

    public SpanOracle(IFarPool pool, ChaosTally tally, TimeSpan operationTime, int spansMax, int seed)
    {
        _pool = pool;
        _tally = tally;
        _operationTime = operationTime;
        _spansMax = spansMax;
        _random = new Random(seed);
        _lastContent = (ulong)seed << 40;
        _bytes = NativeBuffer.Allocate((long)pool.SpansPerSet * SpanBytesMax);
    }

    /// <summary>Spans acknowledged and not released.</summary>
    public int Count => _spans.Count;

    /// <summary>One operation: mostly reads, with writes while there is room in the model and releases when there is not.</summary>
    public async Task StepAsync()
    {
        var draw = _random.Next(100);
        if (_spans.Count == 0 || (draw < 25 && _spans.Count < _spansMax))
            await WriteAsync();
        else if (draw < 35)
            Release(_random.Next(_spans.Count));
        else
            await VerifyAsync(_random.Next(_spans.Count), isAsync: draw < 50);
    }

    /// <summary>Reads everything once.</summary>
    public async Task VerifyAllAsync()
    {
        for (var i = _spans.Count - 1; i >= 0; i--)
            await VerifyAsync(i, isAsync: false);
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _read.Dispose();
    }

    private async Task WriteAsync()
    {
        var length = 8192 << _random.Next(4);
        var images = new SpanImage[_random.Next(8) == 0 ? _random.Next(1, _pool.SpansPerSet + 1) : _pool.SpansPerSet];
        var contents = new ulong[images.Length];
        for (var i = 0; i < images.Length; i++)
        {
            var view = _bytes.View.Slice((long)i * length, length);
            Fill(view, contents[i] = ++_lastContent);
            images[i] = new SpanImage(view);
        }
        var ids = new SpanId[images.Length];
        var start = Stopwatch.GetTimestamp();
        var outcome = await _pool.WriteSpanSetAsync(images, ids, _operationTime);
        _tally.NoteTime(start, _operationTime);
        if (!outcome.IsWritten)
        {
            _tally.NoteRefusedWrite(outcome.Status);
            return;
        }
        _tally.NoteAcknowledged(images.Length);
        for (var i = 0; i < images.Length; i++)
            _spans.Add((ids[i], contents[i], length));
    }

    private void Release(int index)
    {
        _pool.Release(_spans[index].Id);
        _spans[index] = _spans[^1];
        _spans.RemoveAt(_spans.Count - 1);
    }

    private async Task VerifyAsync(int index, bool isAsync)
    {
        var (id, content, length) = _spans[index];
        var destination = _read.View.Slice(0, length);
        var start = Stopwatch.GetTimestamp();
        var outcome = isAsync ? await _pool.ReadSpanAsync(id, destination, _operationTime) : _pool.ReadSpan(id, destination, _operationTime);
        _tally.NoteTime(start, _operationTime);
        if (!outcome.IsRead)
        {
            _tally.NoteFailedRead(id, outcome.Status);
            return;
        }
        _tally.NoteVerified(IsFilled(destination, content));
    }

    private static void Fill(NativeView view, ulong content)
    {
        var state = content;
        foreach (ref var word in view.AsSpan<ulong>())
            word = Next(ref state);
    }

    private static bool IsFilled(NativeView view, ulong content)
    {
        var state = content;
        foreach (var word in view.AsSpan<ulong>())
        {
            if (word != Next(ref state))
                return false;
        }
        return true;
    }

    /// <summary>SplitMix64.</summary>
    private static ulong Next(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

/// <summary>What all workers of a chaos run saw. Any thread may add.</summary>
internal sealed class ChaosTally
{
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<SpanId, ReadStatus> _lost = new();
    private readonly ConcurrentDictionary<WriteStatus, int> _refused = new();
    private long _acknowledged;
    private long _verified;
    private long _wrong;
    private long _late;
    private long _deadlines;
    private long _slowestTicks;

    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    public long Verified => Interlocked.Read(ref _verified);

    public long Wrong => Interlocked.Read(ref _wrong);

    /// <summary>Operations that took longer than their deadline and some slack.</summary>
    public long Late => Interlocked.Read(ref _late);

    /// <summary>Reads that ended with the deadline's status.</summary>
    public long Deadlines => Interlocked.Read(ref _deadlines);

    public double SlowestMs => Interlocked.Read(ref _slowestTicks) * 1e3 / Stopwatch.Frequency;

    /// <summary>Spans whose read said that they are lost.</summary>
    public IReadOnlyCollection<SpanId> Lost => [.. _lost.Keys];

    public IReadOnlyDictionary<WriteStatus, int> RefusedWrites => _refused;

    public void NoteAcknowledged(int spans) => Interlocked.Add(ref _acknowledged, spans);

    public void NoteRefusedWrite(WriteStatus status) => _refused.AddOrUpdate(status, 1, (_, count) => count + 1);

    public void NoteVerified(bool isRight)
    {
        Interlocked.Increment(ref _verified);
        if (!isRight)
            Interlocked.Increment(ref _wrong);
    }

    public void NoteFailedRead(SpanId span, ReadStatus status)
    {
        if (status == ReadStatus.Deadline)
            Interlocked.Increment(ref _deadlines);
        else
            _lost[span] = status;
    }

    public void NoteTime(long start, TimeSpan allowed)
    {
        var ticks = Stopwatch.GetTimestamp() - start;
        if (Stopwatch.GetElapsedTime(start) > allowed + Slack)
            Interlocked.Increment(ref _late);
        for (var seen = Interlocked.Read(ref _slowestTicks); ticks > seen;)
        {
            var before = Interlocked.CompareExchange(ref _slowestTicks, ticks, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }
}
