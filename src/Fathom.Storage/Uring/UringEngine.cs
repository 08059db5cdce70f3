using System.Diagnostics.CodeAnalysis;
using Fathom.Storage.Chains;

namespace Fathom.Storage.Uring;

/// <summary>Runs chains over io_uring: a blocking caller goes round its own ring, asynchronous callers share a thread with one.</summary>
/// <remarks>
/// <see cref="_lock"/> guards the list of loops, the host and the totals. A loop is left to its thread; the engine closes it
/// when the thread is gone, when one of its files closes, or when the engine does.
/// </remarks>
[SuppressMessage("Usage", "CA2213:Disposable fields should be disposed", Justification = "Callers may still look whether they have a loop; it holds nothing else.")]
internal sealed class UringEngine : StorageEngine
{
    private readonly Lock _lock = new();
    private readonly List<OwnedLoop> _loops = [];
    private readonly ThreadLocal<OwnedLoop?> _ofThread = new();
    private readonly RingLoopMaker _maker;
    private readonly ChainCallPool _calls;
    private readonly Action<ChainCall> _start;
    private UringHost? _host;
    private EngineCounters _retired;
    private volatile bool _closing;

    private UringEngine(EngineChoice choice, RingLoopMaker maker, StorageEngineOptions options)
        : base(choice, options)
    {
        _maker = maker;
        _calls = new ChainCallPool(options.ChainsMax);
        _start = call => Host().Add(call);
    }

    public override EngineCounters Counters
    {
        get
        {
            lock (_lock)
            {
                var total = _retired;
                foreach (var owned in _loops)
                    total = Add(total, owned.Loop);
                return _host is null ? total : Add(total, _host.Loop);
            }
        }
    }

    /// <summary>Starts the engine; null with the reason when the kernel does not give what it needs.</summary>
    public static UringEngine? TryStart(StorageEngineOptions options, out string refusal)
    {
        return TryStart(UringLoop.TryCreate, EngineKind.Uring, options, out refusal);
    }

    /// <summary>Starts the engine over loops of another kind.</summary>
    public static UringEngine? TryStart(RingLoopMaker maker, EngineKind kind, StorageEngineOptions options, out string refusal)
    {
        using var probe = maker(options, out refusal);
        return probe is null ? null : new UringEngine(new EngineChoice(kind, $"io_uring with {probe.Description}"), maker, options);
    }

    internal override void RunAll(ReadOnlySpan<ChainRequest> requests, Span<ChainResult> results)
    {
        while (OwnLoop() is { } owned)
        {
            var loop = owned.Loop;
            lock (loop.Gate)
            {
                if (owned.IsRetired)
                    continue; // closed between being found and being entered
                loop.IsClosing = _closing;
                loop.RunAll(requests, results);
            }
            // A file that closed while the gate was held left its sweep to this thread.
            while (loop.IsSweepDue && loop.Gate.TryEnter())
            {
                if (!owned.IsRetired)
                    loop.SweepFiles();
                loop.Gate.Exit();
            }
            return;
        }
        RunOnHost(requests, results);
    }

    internal override ValueTask<ChainResult> Queue(in ChainRequest request) => _calls.RunAsync(request, _start);

    internal override void Forget(StorageFile file)
    {
        lock (_lock)
        {
            _host?.RequestSweep();
            for (var i = _loops.Count - 1; i >= 0; i--)
            {
                var (loop, thread) = (_loops[i].Loop, _loops[i].Thread);
                // A busy loop gives the file up itself, and so does its own thread; the kernel lets nobody else, but closing the ring does it too.
                loop.RequestSweep();
                if (!loop.Gate.TryEnter())
                    continue;
                if (thread == Thread.CurrentThread)
                    loop.SweepFiles();
                else if (loop.Knows(file))
                    Retire(i);
                loop.Gate.Exit();
            }
        }
    }

    private protected override void Dispose(bool disposing)
    {
        UringHost? host;
        OwnedLoop[] loops;
        lock (_lock)
        {
            if (_closing)
                return;
            _closing = true;
            (host, loops) = (_host, [.. _loops]);
        }
        host?.Close();
        foreach (var owned in loops)
        {
            owned.Loop.IsClosing = true;
            // A caller inside sees that at its next turn, at the latest when its wait in the kernel times out.
            lock (owned.Loop.Gate)
            {
                lock (_lock)
                    Retire(_loops.IndexOf(owned));
            }
        }
    }

    private UringHost Host()
    {
        lock (_lock)
        {
            if (_host is { } host)
                return host;
            ObjectDisposedException.ThrowIf(_closing, this);
            return _host = UringHost.TryStart(Options, _maker, out var refusal) ?? throw new StorageEngineException(Choice.Kind, refusal);
        }
    }

    /// <summary>The calling thread's own loop; null when it may have none.</summary>
    private OwnedLoop? OwnLoop()
    {
        if (_ofThread.Value is { IsRetired: false, Loop.IsBroken: false } owned)
            return owned;
        lock (_lock)
        {
            for (var i = _loops.Count - 1; i >= 0; i--)
            {
                if (!_loops[i].Thread.IsAlive || _loops[i].Thread == Thread.CurrentThread)
                    Retire(i);
            }
            if (_closing || _loops.Count >= Options.RingsMax || _maker(Options, out _) is not { } loop)
                return null;
            _ofThread.Value = new OwnedLoop(loop, Thread.CurrentThread);
            _loops.Add(_ofThread.Value);
            return _ofThread.Value;
        }
    }

    /// <summary>For callers without a ring: their chains go to the host, and they wait.</summary>
    private void RunOnHost(ReadOnlySpan<ChainRequest> requests, Span<ChainResult> results)
    {
        if (_closing)
        {
            results[..requests.Length].Fill(new ChainResult { Status = ChainStatus.Closed });
            return;
        }
        var host = Host();
        var batch = new ChainBatch();
        var (next, underWay) = (0, 0);
        while (next < requests.Length || underWay > 0)
        {
            // Room is waited for only while holding none, so that callers cannot wait for each other.
            if (next < requests.Length && _calls.TryTakeRoom(wait: underWay == 0))
            {
                var call = _calls.Rent();
                call.Prepare(requests[next], batch, next, holdsRoom: true);
                host.Add(call);
                next++;
                underWay++;
                continue;
            }
            _ = batch.TryTake(out var complete, wait: true);
            results[complete.Index] = complete.Result;
            _calls.Return(complete);
            underWay--;
        }
    }

    /// <summary>Closes a loop whose thread is not inside.</summary>
    private void Retire(int index)
    {
        var owned = _loops[index];
        owned.IsRetired = true;
        _retired = Add(_retired, owned.Loop);
        _loops.RemoveAt(index);
        owned.Loop.Dispose();
    }

    private static EngineCounters Add(EngineCounters total, RingLoop loop) =>
        new(total.Chains + loop.Chains, total.Reads + loop.Reads, total.SystemCalls + loop.SystemCalls);
}
