using Fathom.Storage.Chains;

namespace Fathom.Storage.Threads;

/// <summary>Calls that wait for a thread: first come, first served, bounded.</summary>
/// <remarks>Any thread may use it; its own monitor guards everything.</remarks>
internal sealed class ChainQueue
{
    private readonly ChainCall?[] _calls;
    private readonly object _monitor = new();
    private readonly int _batchMax;
    private int _first;
    private int _count;
    private int _waiting;
    private bool _closed;

    /// <param name="asyncMax">Asynchronous calls that can be under way: they always find room.</param>
    /// <param name="batchMax">Calls of batches that may wait beside them.</param>
    public ChainQueue(int asyncMax, int batchMax)
    {
        _calls = new ChainCall?[asyncMax + batchMax];
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
            isWaitedFor = _waiting > _count;
            if (_closed || (!isAsync && _count >= _batchMax) || _count == _calls.Length)
                return false;
            _calls[(_first + _count++) % _calls.Length] = call;
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
            while (_count == 0)
            {
                call = null!;
                if (_closed || !wait)
                    return false;
                _waiting++;
                Monitor.Wait(_monitor);
                _waiting--;
            }
            call = _calls[_first]!;
            _calls[_first] = null;
            _first = (_first + 1) % _calls.Length;
            _count--;
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
