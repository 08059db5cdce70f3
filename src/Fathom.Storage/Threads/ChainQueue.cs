using Fathom.Storage.Chains;

namespace Fathom.Storage.Threads;

/// <summary>Calls that wait for a thread: first come, first served. Bounded by what its callers may have under way.</summary>
/// <remarks>Any thread may use it; its own monitor guards everything.</remarks>
internal sealed class ChainQueue
{
    private readonly Queue<ChainCall> _calls;
    private readonly object _monitor = new();
    private readonly int _batchMax;
    private int _waiting;
    private bool _closed;

    /// <param name="asyncMax">Asynchronous calls that can be under way: they always find room.</param>
    /// <param name="batchMax">Calls that may wait when a batch adds one.</param>
    public ChainQueue(int asyncMax, int batchMax)
    {
        _calls = new Queue<ChainCall>(asyncMax + batchMax);
        _batchMax = batchMax;
    }

    /// <summary>Adds a call; false when it must run elsewhere: the queue is closed, or full for calls of its kind.</summary>
    /// <param name="call">The call.</param>
    /// <param name="isAsync">Whether nobody could run it if it found no room.</param>
    /// <param name="isWaitedFor">Whether a thread was idle and takes it.</param>
    public bool TryAdd(ChainCall call, bool isAsync, out bool isWaitedFor)
    {
        lock (_monitor)
        {
            isWaitedFor = _waiting > _calls.Count;
            if (_closed || (!isAsync && _calls.Count >= _batchMax))
                return false;
            _calls.Enqueue(call);
            if (_waiting > 0)
                Monitor.Pulse(_monitor);
            return true;
        }
    }

    /// <summary>Takes the oldest call; false when there is none, after waiting: when the queue is closed and empty.</summary>
    public bool TryTake(out ChainCall call, bool wait)
    {
        lock (_monitor)
        {
            while (!_calls.TryDequeue(out call!))
            {
                if (_closed || !wait)
                    return false;
                _waiting++;
                Monitor.Wait(_monitor);
                _waiting--;
            }
            return true;
        }
    }

    /// <summary>Puts a call that has had its share behind those that wait; false when it goes on: none waits, or the queue is closed.</summary>
    /// <param name="call">The call.</param>
    /// <param name="always">Whether it makes place even when none waits.</param>
    public bool TryPutBehind(ChainCall call, bool always)
    {
        lock (_monitor)
        {
            if (_closed || (_calls.Count == 0 && !always))
                return false;
            _calls.Enqueue(call);
            if (_waiting > 0)
                Monitor.Pulse(_monitor);
            return true;
        }
    }

    /// <summary>Takes no more calls; those inside are still taken out.</summary>
    public void Close()
    {
        lock (_monitor)
        {
            _closed = true;
            Monitor.PulseAll(_monitor);
        }
    }
}
