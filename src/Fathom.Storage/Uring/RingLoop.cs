using Fathom.Storage.Chains;
using Fathom.Storage.Native;

namespace Fathom.Storage.Uring;

/// <summary>Makes a loop for the calling thread; null with the reason when the kernel gives no ring.</summary>
internal delegate RingLoop? RingLoopMaker(StorageEngineOptions options, out string refusal);

/// <summary>A ring with the chains that run over it: seats for them, and the turn that a blocking caller or a host goes round.</summary>
/// <remarks>
/// Belongs to the thread that made it and that alone may call it; only <see cref="Dispose"/> and <see cref="RequestSweep"/> are for
/// others.
/// </remarks>
internal abstract class RingLoop : IDisposable
{
    private protected const ulong WakerTag = Ring.ControlTag | 1;
    private protected const long CancellationPollNanoseconds = 20_000_000;
    private protected const long ClosingPollNanoseconds = 100_000_000;

    private readonly Stack<RingSeat> _freeSeats;
    private readonly Queue<RingSeat> _finished; // chains whose result waits for the caller

    private protected RingLoop(Ring ring, RingSeat[] seats)
    {
        Ring = ring;
        Seats = seats;
        _freeSeats = new Stack<RingSeat>(seats);
        _finished = new Queue<RingSeat>(seats.Length);
    }

    /// <summary>Set by the engine when it closes: the chains here end.</summary>
    public bool IsClosing { get; set; }

    /// <summary>Held by the owner while it is inside, so that nobody closes the loop then.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Chains that can start.</summary>
    public int Room => _freeSeats.Count;

    /// <summary>Whether chains are under way, or finished and not taken.</summary>
    public bool IsBusy => _freeSeats.Count < Seats.Length;

    /// <summary>Whether the ring has failed and the loop is of no more use.</summary>
    public bool IsBroken { get; private protected set; }

    /// <summary>Chains that ended.</summary>
    public long Chains { get; private protected set; }

    /// <summary>Reads given to the kernel, or by it to the device.</summary>
    public long Reads { get; private protected set; }

    /// <summary>System calls made.</summary>
    public abstract long SystemCalls { get; }

    /// <summary>What the kernel granted, for people.</summary>
    public abstract string Description { get; }

    /// <summary>Whether closed files are to be given up.</summary>
    public abstract bool IsSweepDue { get; }

    private protected Ring Ring { get; }

    private protected RingSeat[] Seats { get; }

    private protected bool HasFinished => _finished.Count > 0;

    /// <summary>Runs all of the requests and returns when they are over: the blocking face.</summary>
    public void RunAll(ReadOnlySpan<ChainRequest> requests, Span<ChainResult> results)
    {
        ForgetLooks();
        for (var (next, done) = (0, 0); done < requests.Length;)
        {
            while (next < requests.Length && Room > 0)
            {
                Start(requests[next], next, null);
                next++;
            }
            if (!HasFinished)
                Turn();
            while (TryTakeFinished(out var seat))
            {
                results[seat.Index] = seat.Result;
                Free(seat);
                done++;
            }
        }
        SweepFiles();
    }

    /// <summary>Seats a chain; only when there is <see cref="Room"/>.</summary>
    public void Start(in ChainRequest request, int index, ChainCall? call)
    {
        var seat = _freeSeats.Pop();
        seat.IsTaken = true;
        seat.Index = index;
        seat.Call = call;
        Begin(seat, request);
    }

    /// <summary>Takes a chain that is over; give the seat back with <see cref="Free"/>.</summary>
    public bool TryTakeFinished(out RingSeat seat) => _finished.TryDequeue(out seat!);

    /// <summary>Makes a seat free for another chain.</summary>
    public void Free(RingSeat seat)
    {
        seat.Call = null;
        seat.IsTaken = false;
        _freeSeats.Push(seat);
    }

    /// <summary>Goes round once; waits for the kernel when nothing else is to be done.</summary>
    public abstract void Turn();

    /// <summary>Lets writes to an event descriptor end waits.</summary>
    public abstract void WakeBy(int descriptor);

    /// <summary>Makes the next chains that start look at their files, because they may be younger than the last look.</summary>
    public abstract void ForgetLooks();

    /// <summary>Asks for closed files to be given up at the next turn; any thread may.</summary>
    public abstract void RequestSweep();

    /// <summary>Gives up closed files that no chain reads, if that was asked for.</summary>
    public abstract void SweepFiles();

    /// <summary>Whether the ring may hold the file. Only when the owner is not inside, or by the owner.</summary>
    public abstract bool Knows(StorageFile file);

    /// <summary>Closes the ring. Only when the owner is not inside, or by the owner.</summary>
    public abstract void Dispose();

    private protected abstract void Begin(RingSeat seat, in ChainRequest request);

    private protected void Finish(RingSeat seat)
    {
        Chains++;
        _finished.Enqueue(seat);
    }

    private protected unsafe SubmissionEntry* Entry()
    {
        var entry = Ring.TryAdd();
        while (entry is null)
        {
            // Full: the kernel takes what is there, then there is room.
            if (Ring.Enter(0, -1) is var errno and not 0)
                Memory.Invariant.Fail($"io_uring_enter failed with errno {errno}.");
            entry = Ring.TryAdd();
        }
        return entry;
    }

    private protected unsafe void ReadWaker(int descriptor, void* eightBytes)
    {
        var entry = Entry();
        entry->Operation = UringCalls.OperationRead;
        entry->File = descriptor;
        entry->Offset = ulong.MaxValue; // an event descriptor has no position
        entry->Address = (ulong)eightBytes;
        entry->Length = sizeof(ulong);
        entry->UserData = WakerTag;
    }
}
