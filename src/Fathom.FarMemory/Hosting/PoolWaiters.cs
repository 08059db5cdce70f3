using System.Threading.Tasks.Sources;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.SpanSets;

namespace Fathom.FarMemory.Hosting;

/// <summary>Whoever waits for an outcome of the state machine: a blocked thread or an awaited value task. Reused.</summary>
/// <remarks>One operation at a time; the outcome is set once, by the thread that stepped the machine.</remarks>
internal abstract class PoolWaiter<TOutcome> : IValueTaskSource<TOutcome>, IDisposable
{
    private readonly ManualResetEventSlim _done = new(false);
    private ManualResetValueTaskSourceCore<TOutcome> _source = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration _registration;
    private bool _isBlocking;

    /// <summary>The outcome of an operation that a thread waits for.</summary>
    public TOutcome Outcome { get; private set; } = default!;

    /// <summary>Makes it ready for the next operation.</summary>
    public void Reset(bool isBlocking)
    {
        _isBlocking = isBlocking;
        if (isBlocking)
            _done.Reset();
        else
            _source.Reset();
    }

    /// <summary>Lets a token end the operation.</summary>
    public void Watch(Action<object?> cancel, CancellationToken cancellation)
    {
        if (cancellation.CanBeCanceled)
            _registration = cancellation.UnsafeRegister(cancel, this);
    }

    /// <summary>Called with the machine's lock held: wakes, runs nothing.</summary>
    public void Complete(TOutcome outcome)
    {
        if (_isBlocking)
        {
            Outcome = outcome;
            _done.Set();
        }
        else
        {
            _source.SetResult(outcome);
        }
    }

    /// <summary>Blocks until the outcome is there; the machine's own deadline bounds the wait.</summary>
    public TOutcome Wait()
    {
        _done.Wait();
        return Outcome;
    }

    public ValueTask<TOutcome> AsTask() => new(this, _source.Version);

    public TOutcome GetResult(short token)
    {
        var outcome = _source.GetResult(token);
        _registration.Dispose();
        _registration = default;
        Return();
        return outcome;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    public virtual void Dispose() => _done.Dispose();

    /// <summary>Back to its shelf.</summary>
    protected abstract void Return();
}

/// <summary>Waits for a read.</summary>
internal sealed class ReadWaiter(HostedFarPool pool, PoolCore core) : PoolWaiter<ReadOutcome>
{
    public SpanRead Read { get; } = new(core);

    protected override void Return() => pool.Return(this);
}

/// <summary>Waits for the write of a span set, and keeps the memory of its parities.</summary>
internal sealed class WriteWaiter(HostedFarPool pool, PoolCore core) : PoolWaiter<WriteOutcome>
{
    private Memory.NativeBuffer _parity = Memory.NativeBuffer.Allocate(0);

    public SwapOut Write { get; } = new(core);

    /// <summary>Where the ids go.</summary>
    public Memory<Identity.SpanId> Ids { get; set; }

    /// <summary>Memory for parities and padded chunks.</summary>
    public Memory.NativeView Scratch(long bytes)
    {
        if (_parity.Length < bytes)
        {
            _parity.Dispose();
            _parity = Memory.NativeBuffer.Allocate(bytes);
        }
        return _parity.View.Slice(0, bytes);
    }

    public override void Dispose()
    {
        _parity.Dispose();
        base.Dispose();
    }

    protected override void Return() => pool.Return(this);
}
