using Fathom.Memory;
using Fathom.Storage.Native;
using Fathom.Storage.Uring;

namespace Fathom.Storage.Kernel;

/// <summary>Runs chains in the kernel over one ring: an entry is a whole chain.</summary>
/// <remarks>
/// The kernel reads a chain's request, and writes its scratch and results, in native memory and pinned arrays that stay in
/// place until the entry has completed: a chain that is to end early is cancelled and waited for.
/// </remarks>
internal sealed unsafe class KernelLoop : RingLoop
{
    private readonly KernelSeat[] _seats;
    private readonly KernelFunctions _functions;
    private readonly XrpDevice _device;
    private readonly NativeBuffer _requests; // one for each seat, then 8 bytes for the waker
    private readonly Queue<KernelSeat> _again = new(); // the module had no room
    private int _waker = -1;
    private int _cancellable;
    private int _inFlight;
    private volatile bool _isSweepDue;

    private KernelLoop(Ring ring, KernelSeat[] seats, XrpDevice device, KernelFunctions functions)
        : base(ring, seats)
    {
        _seats = seats;
        _device = device;
        _functions = functions;
        _requests = NativeBuffer.Allocate((seats.Length * sizeof(XrpRead)) + sizeof(ulong));
    }

    /// <inheritdoc/>
    public override long SystemCalls => Ring.Calls;

    /// <inheritdoc/>
    public override string Description => $"{Ring.Setup}, chains in the kernel";

    /// <inheritdoc/>
    public override bool IsSweepDue => _isSweepDue;

    /// <summary>Makes a loop for the calling thread; null with the reason when the kernel gives no ring.</summary>
    public static KernelLoop? TryCreate(XrpDevice device, KernelFunctions functions, StorageEngineOptions options, out string refusal)
    {
        var ring = Ring.TryCreate((uint)int.Max(options.ChainsMax * 2, 64), out refusal);
        if (ring is null)
            return null;
        if (!ring.Supports(UringCalls.OperationCommand, UringCalls.OperationRead))
        {
            ring.Dispose();
            refusal = "the kernel's io_uring takes no commands";
            return null;
        }
        var seats = new KernelSeat[options.ChainsMax];
        for (var i = 0; i < seats.Length; i++)
            seats[i] = new KernelSeat(i);
        return new KernelLoop(ring, seats, device, functions);
    }

    /// <inheritdoc/>
    public override void Turn()
    {
        for (var again = _again.Count; again > 0; again--)
            Submit(_again.Dequeue());
        var waits = !HasFinished && (_inFlight > 0 || !IsBusy);
        // A wait for more than one would sleep through a write to the event descriptor.
        var errno = Ring.Enter(waits ? 1u : 0u, IsBusy ? Poll() : -1);
        if (errno != 0)
            Invariant.Fail($"io_uring_enter failed with errno {errno}.");
        while (Ring.TryTake(out var completion))
            Take(completion);
        if (_cancellable > 0 || IsClosing || _isSweepDue)
            EndOverdue();
    }

    /// <inheritdoc/>
    public override void WakeBy(int descriptor)
    {
        _waker = descriptor;
        ReadWaker(_waker, _requests.Pointer + (_seats.Length * sizeof(XrpRead)));
    }

    /// <inheritdoc/>
    public override void ForgetLooks()
    {
        // The module looks at the file whenever a chain begins.
    }

    /// <inheritdoc/>
    public override void RequestSweep() => _isSweepDue = true;

    /// <inheritdoc/>
    public override void SweepFiles() => _isSweepDue = false; // the ring holds the device only; chains of closed files were ended

    /// <inheritdoc/>
    public override bool Knows(StorageFile file) => false;

    /// <inheritdoc/>
    public override void Dispose()
    {
        Invariant.Check(_inFlight == 0);
        Ring.Dispose();
        _requests.Dispose();
    }

    private protected override void Begin(RingSeat taken, in ChainRequest request)
    {
        var seat = (KernelSeat)taken;
        seat.EndedFor = ChainStatus.Done;
        if (Refusal(request) is var refusal && refusal != ChainStatus.Done)
        {
            seat.End(new ChainResult { Status = refusal });
            Finish(seat);
            return;
        }
        seat.Request = request;
        seat.Scratch = request.Scratch.Pin();
        seat.IsCancellable = request.Cancellation.CanBeCanceled;
        if (seat.IsCancellable)
            _cancellable++;
        ref var place = ref PlaceOf(seat);
        place = KernelChain.Describe(request, request.File.KernelPin, _functions.IdOf(request.Function));
        place.Scratch = (ulong)seat.Scratch.Pointer;
        Submit(seat);
    }

    private ChainStatus Refusal(in ChainRequest request)
    {
        if (IsClosing || request.File.IsClosed)
            return ChainStatus.Closed;
        if (request.Cancellation.IsCancellationRequested)
            return ChainStatus.Cancelled;
        return KernelChain.IsOverdue(request) ? ChainStatus.Deadline : ChainStatus.Done;
    }

    // SAFETY: the buffer holds a request for each seat.
    private ref XrpRead PlaceOf(KernelSeat seat) => ref ((XrpRead*)_requests.Pointer)[seat.Number];

    private void Submit(KernelSeat seat)
    {
        var entry = Entry();
        entry->Operation = UringCalls.OperationCommand;
        entry->File = (int)_device.Handle.DangerousGetHandle();
        entry->Offset = XrpCalls.Read;
        entry->Command = (ulong)((XrpRead*)_requests.Pointer + seat.Number);
        entry->UserData = (ulong)seat.Number;
        _inFlight++;
    }

    private void Take(in CompletionEntry completion)
    {
        if ((completion.UserData & Ring.ControlTag) != 0)
        {
            if (completion.UserData == WakerTag)
                WakeBy(_waker);
            return;
        }
        var seat = _seats[(int)completion.UserData];
        _inFlight--;
        if (completion.Result is -UringCalls.ErrorBusy or -UringCalls.ErrorTryAgain && seat.EndedFor == ChainStatus.Done)
        {
            _again.Enqueue(seat);
            return;
        }
        ref readonly var ran = ref PlaceOf(seat);
        var result = completion.Result < 0 ? KernelChain.Refused(-completion.Result) : KernelChain.ResultOf(ran);
        if (seat.EndedFor != ChainStatus.Done && (completion.Result < 0 || result.Status == ChainStatus.Cancelled))
            result = result with { Status = seat.EndedFor, Code = 0 };
        Reads += result.Hops;
        seat.End(result);
        seat.Scratch.Dispose();
        seat.Request = default;
        if (seat.IsCancellable)
            _cancellable--;
        seat.IsCancellable = false;
        Finish(seat);
    }

    private long Poll() => _cancellable > 0 ? CancellationPollNanoseconds : ClosingPollNanoseconds;

    private void EndOverdue()
    {
        foreach (var seat in _seats)
        {
            if (seat.Request.File is not { } file || seat.EndedFor != ChainStatus.Done)
                continue;
            if (IsClosing || file.IsClosed)
                seat.EndedFor = ChainStatus.Closed;
            else if (seat.Request.Cancellation.IsCancellationRequested)
                seat.EndedFor = ChainStatus.Cancelled;
            else
                continue;
            _device.Cancel((XrpRead*)_requests.Pointer + seat.Number);
        }
    }
}
