using System.Diagnostics;
using Fathom.FarMemory.Epochs;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pool;
using Microsoft.Extensions.Logging;

namespace Fathom.FarMemory.Swap;

/// <summary>The threads that keep local memory within its bounds: filtering and eviction. They sleep while enough is free.</summary>
/// <remarks>Made and disposed by the heap. Each thread owns its filtering or eviction; they meet in the queue of cold spans.</remarks>
internal sealed class SwapThreads : IDisposable
{
    private const int IdleMs = 100;
    private const int RefusedWaitMsMax = 100;
    private const int SetsPerRound = 4;
    private static readonly TimeSpan FullSetWait = TimeSpan.FromMilliseconds(2);

    private readonly ObjectSpace _space;
    private readonly EpochDomain _epochs;
    private readonly ColdSpans _cold;
    private readonly FarHeapOptions _options;
    private readonly ILogger _logger;
    private readonly Action _idle;
    private readonly int _setSpans;
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Thread> _threads = [];
    private volatile Exception? _failure;

    /// <summary>Starts the threads.</summary>
    /// <param name="space">Local memory.</param>
    /// <param name="table">Far spans.</param>
    /// <param name="epochs">Grace periods.</param>
    /// <param name="pool">Where spans go.</param>
    /// <param name="options">The heap's options.</param>
    /// <param name="meters">The heap's counts.</param>
    /// <param name="logger">For what an operator should know.</param>
    /// <param name="idle">Called by one thread about ten times a second: the heap's housekeeping.</param>
    public SwapThreads(
        ObjectSpace space, FarSpanTable table, EpochDomain epochs, IFarPool pool, FarHeapOptions options, FarHeapMeters meters,
        ILogger logger, Action idle)
    {
        _space = space;
        _epochs = epochs;
        _options = options;
        _logger = logger;
        _idle = idle;
        _setSpans = pool.SpansPerSet;
        _cold = new ColdSpans((options.EvictionThreads + 1) * 2 * SetsPerRound * _setSpans);
        for (var i = 0; i < options.FilteringThreads; i++)
        {
            var filtering = new Filtering(space, epochs, _cold, options, meters);
            var isFirst = i == 0;
            Start("filtering", () => Filter(filtering, isFirst));
        }
        for (var i = 0; i < options.EvictionThreads; i++)
        {
            var eviction = new Eviction(space, table, epochs, pool, options, meters, _stopping.Token);
            Start("eviction", () => Evict(eviction));
        }
    }

    /// <summary>Why a thread is gone, if one failed: our bug.</summary>
    public Exception? Failure => _failure;

    public void Dispose()
    {
        _stopping.Cancel();
        foreach (var thread in _threads)
        {
            _space.Pages.LowWater.Set();
            thread.Join();
        }
        _stopping.Dispose();
    }

    private void Start(string name, Action loop)
    {
        var thread = new Thread(() => Guard(name, loop)) { IsBackground = true, Name = $"far heap {name}" };
        _threads.Add(thread);
        thread.Start();
    }

    /// <summary>The boundary of a thread: what gets here is our bug, and ends the thread's work with a trace.</summary>
    private void Guard(string name, Action loop)
    {
        try
        {
            loop();
        }
        catch (Exception cause)
        {
            _failure = cause;
            Log.ThreadFailed(_logger, name, cause);
        }
    }

    private void Filter(Filtering filtering, bool isFirst)
    {
        var working = false;
        var lookedInRound = 0;
        var gainedInRound = 0;
        var pressure = FilterPressure.Low;
        var lastIdle = Stopwatch.GetTimestamp();
        while (!_stopping.IsCancellationRequested)
        {
            if (isFirst && Stopwatch.GetElapsedTime(lastIdle).TotalMilliseconds >= IdleMs)
            {
                lastIdle = Stopwatch.GetTimestamp();
                Watch();
            }
            working = _space.Pages.NeedsRoom(working);
            if (!working)
            {
                pressure = FilterPressure.Low;
                _space.Pages.LowWater.WaitOne(IdleMs);
                continue;
            }
            if (_cold.IsFull)
            {
                _cold.WaitForRoom(FullSetWait);
                continue;
            }
            gainedInRound += filtering.Step(pressure, out var looked);
            lookedInRound += looked;
            if (lookedInRound < _space.Pages.SpanCount && looked > 0)
                continue;
            // A full round: too little found makes the next one harder, plenty makes it easier.
            gainedInRound += EndRound(filtering, pressure);
            var enough = gainedInRound > Math.Max(_setSpans, _space.Pages.SpanCount / 32);
            if (gainedInRound == 0 && pressure == FilterPressure.High)
                _space.Pages.LowWater.WaitOne(5); // everything is held, or on its way out already
            pressure = enough ? (FilterPressure)Math.Max(0, (int)pressure - 1) : (FilterPressure)Math.Min(2, (int)pressure + 1);
            lookedInRound = gainedInRound = 0;
        }
    }

    private int EndRound(Filtering filtering, FilterPressure pressure)
    {
        var gained = 0;
        if (pressure != FilterPressure.Low)
            gained += filtering.Flush();
        var waiting = _space.Pages.WaitingPages;
        if (waiting > 1 && _space.Pages.FreePages >= waiting)
            gained += filtering.ClearWindow(waiting);
        return gained;
    }

    private void Evict(Eviction eviction)
    {
        var taken = new List<LocalSpan>();
        var refusedWaitMs = 0;
        while (!_stopping.IsCancellationRequested)
        {
            _cold.Take(_setSpans, SetsPerRound * _setSpans, FullSetWait, taken);
            if (taken.Count == 0)
                continue;
            if (eviction.Run(taken) is not { } refused)
            {
                refusedWaitMs = 0;
                continue;
            }
            if (refused == WriteStatus.Cancelled)
                continue;
            refusedWaitMs = Math.Clamp(refusedWaitMs * 2, 10, RefusedWaitMsMax);
            Log.EvictionRefused(_logger, refused, refusedWaitMs);
            _stopping.Token.WaitHandle.WaitOne(refusedWaitMs);
        }
    }

    private void Watch()
    {
        var ticks = (ulong)Math.Max(1, _options.LongScope.TotalMilliseconds / IdleMs);
        _epochs.Watch(ticks, p => Log.ScopeIsLong(_logger, _options.LongScope, p.PagesHeld()));
        _idle();
    }
}
