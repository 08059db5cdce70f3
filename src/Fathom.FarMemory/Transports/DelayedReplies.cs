using System.Diagnostics;
using Fathom.FarMemory.Identity;

namespace Fathom.FarMemory.Transports;

/// <summary>Holds replies back until the emulated network would have brought them.</summary>
/// <remarks>Owned by <see cref="NodeTransport"/>. One thread of its own delivers; any thread adds. Bounded by the requests in flight.</remarks>
internal sealed class DelayedReplies : IDisposable
{
    private const double StepUs = 40;

    private readonly Lock _lock = new();
    private readonly PriorityQueue<(NodeRequest Request, RequestId Id, NodeReply Reply), long> _waiting = new();
    private readonly AutoResetEvent _added = new(false);
    private readonly Action<NodeRequest, RequestId, NodeReply> _deliver;
    private readonly Thread _thread;
    private bool _closed;

    public DelayedReplies(Action<NodeRequest, RequestId, NodeReply> deliver)
    {
        _deliver = deliver;
        _thread = new Thread(Run) { IsBackground = true, Name = "emulated network" };
        _thread.Start();
    }

    public void Add(NodeRequest request, RequestId id, in NodeReply reply, long at)
    {
        bool isFirst;
        lock (_lock)
        {
            isFirst = _waiting.Count == 0;
            _waiting.Enqueue((request, id, reply), at);
        }
        if (isFirst)
            _added.Set();
    }

    /// <summary>Delivers what still waits and ends.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _closed, true);
        _added.Set();
        _thread.Join();
        _added.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            (NodeRequest Request, RequestId Id, NodeReply Reply) due = default;
            long at;
            bool isDue;
            lock (_lock)
            {
                if (!_waiting.TryPeek(out _, out at))
                    at = long.MaxValue;
                isDue = at != long.MaxValue && (_closed || at <= Stopwatch.GetTimestamp());
                if (isDue)
                    due = _waiting.Dequeue();
            }
            if (isDue)
                _deliver(due.Request!, due.Id, due.Reply);
            else if (at == long.MaxValue && Volatile.Read(ref _closed))
                return;
            else if (at == long.MaxValue)
                _added.WaitOne();
            else // in steps, because something due earlier may be added meanwhile
                PreciseWait.Until(Math.Min(at, Stopwatch.GetTimestamp() + (long)(StepUs * Stopwatch.Frequency / 1e6)));
        }
    }
}
