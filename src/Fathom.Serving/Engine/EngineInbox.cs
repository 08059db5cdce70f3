using Fathom.Serving.Requests;
using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Engine;

/// <summary>How far an engine has been told to go.</summary>
internal enum EngineOrder
{
    Run,
    Drain,
    Stop,
}

/// <summary>What other threads tell the loop: arrivals, cancellations, ends of loads, orders.</summary>
/// <remarks>
/// <c>_gate</c> guards everything. Arrivals are bounded by the queue limit; a request is cancelled once at most, and a
/// sequence has one load at a time, so both are bounded by the requests.
/// </remarks>
internal sealed class EngineInbox(int queueLimit) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Queue<ActiveRequest> _arrivals = new();
    private readonly Queue<RequestId> _cancellations = new();
    private readonly Queue<Sequence> _loaded = new();
    private readonly AutoResetEvent _wake = new(false);
    private EngineOrder _order;
    private string? _closed;
    private int _waiting;

    /// <summary>Requests that have not started.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
                return _waiting;
        }
    }

    /// <summary>Why no request would be accepted now, whatever it is; null if one would.</summary>
    public Refusal? Refusal
    {
        get
        {
            lock (_gate)
                return RefusalNow();
        }
    }

    /// <summary>A request arrives, or is refused.</summary>
    public Refusal? TryPost(ActiveRequest request)
    {
        lock (_gate)
        {
            if (RefusalNow() is { } refusal)
                return refusal;
            _waiting++;
            _arrivals.Enqueue(request);
            _wake.Set();
            return null;
        }
    }

    public void PostCancellation(RequestId id)
    {
        lock (_gate)
        {
            if (_closed is not null)
                return;
            _cancellations.Enqueue(id);
            _wake.Set();
        }
    }

    /// <summary>The load of a sequence has ended.</summary>
    public void PostLoaded(Sequence sequence)
    {
        lock (_gate)
        {
            if (_closed is not null)
                return;
            _loaded.Enqueue(sequence);
            _wake.Set();
        }
    }

    /// <summary>Orders only become stronger.</summary>
    public void Post(EngineOrder order)
    {
        lock (_gate)
        {
            if (_closed is not null)
                return;
            _order = order > _order ? order : _order;
            _wake.Set();
        }
    }

    /// <summary>Requests have started, or ended without ever starting. Loop thread.</summary>
    public void LeaveQueue(int requests)
    {
        lock (_gate)
            _waiting -= requests;
    }

    /// <summary>Moves everything that was posted into the lists. Loop thread.</summary>
    public EngineOrder Take(List<ActiveRequest> arrivals, List<RequestId> cancellations, List<Sequence> loaded)
    {
        lock (_gate)
        {
            while (_arrivals.TryDequeue(out ActiveRequest? request))
                arrivals.Add(request);
            while (_cancellations.TryDequeue(out RequestId id))
                cancellations.Add(id);
            while (_loaded.TryDequeue(out Sequence? sequence))
                loaded.Add(sequence);
            return _order;
        }
    }

    /// <summary>Waits until something is posted. Loop thread.</summary>
    public void Wait() => _wake.WaitOne();

    /// <summary>Nothing is accepted from now on. Loop thread, when it ends.</summary>
    /// <param name="reason">One line on why, for the clients.</param>
    /// <param name="abandoned">Takes the arrivals that the loop has not seen.</param>
    public void Close(string reason, List<ActiveRequest> abandoned)
    {
        lock (_gate)
        {
            _closed = reason;
            while (_arrivals.TryDequeue(out ActiveRequest? request))
                abandoned.Add(request);
            _cancellations.Clear();
            _loaded.Clear();
            _waiting = 0;
        }
    }

    /// <summary>After <see cref="Close"/>: nobody sets the event any more.</summary>
    public void Dispose() => _wake.Dispose();

    private Refusal? RefusalNow()
    {
        if (_closed is not null)
            return new Refusal(RefusalReason.Stopped, null, _closed);
        if (_order != EngineOrder.Run)
            return new Refusal(RefusalReason.Draining, null, "the server is shutting down and takes no more requests");
        return _waiting < queueLimit
            ? null
            : new Refusal(RefusalReason.QueueFull, null, $"{_waiting} requests are waiting, which is the limit; try again later");
    }
}
