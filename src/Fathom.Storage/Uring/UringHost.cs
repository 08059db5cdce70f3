using System.Runtime.InteropServices;
using Fathom.Memory;
using Fathom.Storage.Chains;
using Fathom.Storage.Native;

namespace Fathom.Storage.Uring;

/// <summary>A thread with a loop of its own, for chains whose callers do not wait.</summary>
/// <remarks>
/// Any thread may hand calls over; the thread itself completes them. <see cref="_lock"/> guards the inbox and the flags beside
/// it; an event descriptor that the ring reads ends the thread's waits.
/// </remarks>
internal sealed unsafe class UringHost
{
    private readonly StorageEngineOptions _options;
    private readonly RingLoopMaker _maker;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private readonly Queue<ChainCall> _inbox;
    private readonly List<ChainCall> _arrivals;
    private readonly int _event;
    private RingLoop? _loop;
    private string _refusal = "";
    private bool _waits;
    private bool _closing;

    private UringHost(StorageEngineOptions options, RingLoopMaker maker, int eventFile)
    {
        _options = options;
        _maker = maker;
        _event = eventFile;
        _inbox = new Queue<ChainCall>(options.ChainsMax);
        _arrivals = new List<ChainCall>(options.ChainsMax);
        _thread = new Thread(Work, maxStackSize: 512 << 10) { IsBackground = true, Name = "fathom-storage-ring" };
    }

    /// <summary>The thread's loop.</summary>
    public RingLoop Loop
    {
        get
        {
            Invariant.Check(_loop is not null);
            return _loop;
        }
    }

    /// <summary>Starts the thread; null with the reason when the kernel gives no ring.</summary>
    public static UringHost? TryStart(StorageEngineOptions options, RingLoopMaker maker, out string refusal)
    {
        const int CloseOnExec = 0x80000; // EFD_CLOEXEC
        var eventFile = UringCalls.EventFile(0, CloseOnExec);
        if (eventFile < 0)
        {
            refusal = $"eventfd was refused: {Marshal.GetLastPInvokeErrorMessage()}";
            return null;
        }
        var host = new UringHost(options, maker, eventFile);
        using (var started = new ManualResetEventSlim())
        {
            host._thread.Start(started);
            started.Wait();
        }
        refusal = host._refusal;
        if (host._loop is not null)
            return host;
        host._thread.Join();
        _ = UringCalls.Close(eventFile);
        return null;
    }

    /// <summary>Hands a call over; its callers' bound is the bound of the inbox.</summary>
    public void Add(ChainCall call)
    {
        bool wakes;
        lock (_lock)
        {
            if (_closing)
            {
                wakes = false;
            }
            else
            {
                _inbox.Enqueue(call);
                call = null!;
                wakes = _waits;
                _waits = false;
            }
        }
        if (wakes)
            Wake();
        call?.Complete(new ChainResult { Status = ChainStatus.Closed });
    }

    /// <summary>Lets the thread look for closed files.</summary>
    public void RequestSweep()
    {
        Loop.RequestSweep();
        Wake();
    }

    /// <summary>Ends what is under way as closed and waits for the thread.</summary>
    public void Close()
    {
        lock (_lock)
            _closing = true;
        Wake();
        _thread.Join();
        _ = UringCalls.Close(_event);
    }

    private void Wake()
    {
        var one = 1UL;
        // SAFETY: eight bytes of a local. A full counter cannot be: the ring reads it whenever it is not zero.
        _ = UringCalls.Write(_event, &one, sizeof(ulong));
    }

    private void Work(object? started)
    {
        _loop = _maker(_options, out _refusal);
        _loop?.WakeBy(_event);
        ((ManualResetEventSlim)started!).Set();
        if (_loop is not { } loop)
            return;
        while (TakeArrivals(loop))
        {
            loop.Turn();
            lock (_lock)
                _waits = false;
            while (loop.TryTakeFinished(out var seat))
            {
                var (call, result) = (seat.Call!, seat.Result);
                loop.Free(seat);
                call.Complete(result);
            }
            loop.SweepFiles();
        }
        loop.Dispose();
    }

    /// <summary>Seats what was handed over; false when the host is closed and has nothing left to do.</summary>
    private bool TakeArrivals(RingLoop loop)
    {
        lock (_lock)
        {
            loop.IsClosing = _closing;
            for (var room = loop.Room; room > 0 && _inbox.TryDequeue(out var call); room--)
                _arrivals.Add(call);
            if (_closing && _arrivals.Count == 0 && _inbox.Count == 0 && !loop.IsBusy)
                return false;
            _waits = true;
        }
        if (_arrivals.Count > 0)
            loop.ForgetLooks();
        foreach (var call in _arrivals)
            loop.Start(call.Request, 0, call);
        _arrivals.Clear();
        return true;
    }
}
