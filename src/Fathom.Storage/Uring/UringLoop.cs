using Fathom.Memory;
using Fathom.Storage.Native;

namespace Fathom.Storage.Uring;

/// <summary>Runs chains over one ring: one system call gives the kernel a batch of reads and takes what it has completed.</summary>
/// <remarks>
/// Reads that the kernel still has when their chain ends keep their block until the kernel gives them back.
/// A turn: issue reads first come first served, one of each chain at a time; enter the kernel; take completions; look at the
/// files that they came from; run the steps.
/// </remarks>
internal sealed unsafe class UringLoop : RingLoop
{
    private const int ReadsInFlightMax = 512;
    private const int RetriesMax = 16;

    // A wait is over when this part of what is in flight has completed: each wait costs a system call and a change of threads,
    // while the rest keeps the device busy.
    private const int WaitShare = 4;

    private readonly Ring _ring;
    private readonly BlockArena _arena;
    private readonly TimeProvider _time;
    private readonly LoopFiles _files;
    private readonly bool _hasFixedBuffers;

    private readonly UringSeat[] _seats;
    private readonly Queue<UringSeat> _issuing; // chains with reads to issue, in turn
    private readonly List<UringSeat> _ready; // chains with a completed read
    private readonly UringSlot[] _slots;
    private readonly Stack<int> _freeSlots;

    private long _turn;
    private long _earliestDeadline = long.MaxValue; // no later than any seated chain's
    private int _cancellable;
    private int _orphans;
    private int _waker = -1; // descriptor that ends a wait, and where it is read to
    private nint _wakerBlock;

    private UringLoop(Ring ring, BlockArena arena, bool hasFixedBuffers, UringSeat[] seats, TimeProvider time)
        : base(ring, seats)
    {
        _ring = ring;
        _arena = arena;
        _hasFixedBuffers = hasFixedBuffers;
        _time = time;
        _files = new LoopFiles(ring);
        _seats = seats;
        _issuing = new Queue<UringSeat>(_seats.Length);
        _ready = new List<UringSeat>(_seats.Length);
        _slots = new UringSlot[int.Min((int)ring.Entries, ReadsInFlightMax)];
        _freeSlots = new Stack<int>(_slots.Length);
        for (var i = _slots.Length - 1; i >= 0; i--)
            _freeSlots.Push(i);
    }

    /// <summary>System calls made: entries into the ring, registrations, looks at files.</summary>
    public override long SystemCalls => _ring.Calls + _files.Looks;

    /// <summary>What the kernel granted, for people.</summary>
    public override string Description => $"{_ring.Setup}, {(_hasFixedBuffers ? "registered" : "plain")} buffers, {(_files.AreRegistered ? "registered" : "plain")} files";

    /// <summary>Makes a loop for the calling thread; null with the reason when the kernel gives no ring.</summary>
    public static UringLoop? TryCreate(StorageEngineOptions options, out string refusal)
    {
        var ring = Ring.TryCreate((uint)int.Clamp(options.ChainsMax * 2, 64, ReadsInFlightMax), out refusal);
        if (ring is null)
            return null;
        BlockArena? arena = null;
        if (ring.Supports(UringCalls.OperationRead, UringCalls.OperationReadFixed, UringCalls.OperationCancel))
            arena = BlockArena.TryCreate(options.RingBufferBytes, out refusal);
        else
            refusal = "the kernel's io_uring is kept from reading files";
        if (arena is null)
        {
            ring.Dispose();
            return null;
        }
        var range = new BufferRange { Address = arena.Address, Length = arena.LengthBytes };
        // Without registration (the limit of locked memory, usually) each read names its memory itself: slower, not different.
        var isRegistered = ring.Register(UringCalls.RegisterBuffers, &range, 1) == 0;
        var seats = new UringSeat[options.ChainsMax];
        for (var i = 0; i < seats.Length; i++)
            seats[i] = new UringSeat();
        return new UringLoop(ring, arena, isRegistered, seats, options.Time);
    }

    /// <summary>Blocks that are with the kernel or wait for a step.</summary>
    public int BlocksInUse => _arena.Used;

    /// <inheritdoc/>
    public override void ForgetLooks() => _turn++;

    private protected override void Begin(RingSeat taken, in ChainRequest request)
    {
        var seat = (UringSeat)taken;
        seat.File = _files.Enter(request.File, _turn);
        var chain = seat.Chain;
        chain.Begin(request, _time.GetTimestamp(), _time.TimestampFrequency);
        if (chain.HasEnded)
        {
            Finish(seat);
            return;
        }
        seat.IsCancellable = chain.CanBeCancelled;
        if (seat.IsCancellable)
            _cancellable++;
        _earliestDeadline = long.Min(_earliestDeadline, chain.Deadline);
        QueueForIssue(seat);
    }

    /// <inheritdoc/>
    public override void Turn()
    {
        Issue();
        var errno = _ring.Enter(CompletionsToWaitFor(), WaitNanoseconds());
        if (errno != 0)
        {
            Break(errno);
            return;
        }
        _turn++;
        TakeCompletions();
        foreach (var seat in _ready)
            _files.Look(seat.File!, _turn);
        var now = _time.GetTimestamp();
        foreach (var seat in _ready)
            RunSteps(seat, now);
        _ready.Clear();
        if (now >= _earliestDeadline || _cancellable > 0 || IsClosing || _files.IsSweepDue)
            EndOverdue(now);
    }

    /// <inheritdoc/>
    public override void WakeBy(int descriptor)
    {
        _waker = descriptor;
        _wakerBlock = _arena.TryTake(ChainRequest.ReadBytesMin);
        Invariant.Check(_wakerBlock != 0);
        ReadWaker();
    }

    /// <inheritdoc/>
    public override bool IsSweepDue => _files.IsSweepDue;

    /// <inheritdoc/>
    public override void RequestSweep() => _files.IsSweepDue = true;

    /// <inheritdoc/>
    public override void SweepFiles()
    {
        if (_files.IsSweepDue)
            _files.Sweep();
    }

    /// <inheritdoc/>
    public override bool Knows(StorageFile file) => _files.Knows(file);

    /// <inheritdoc/>
    public override void Dispose()
    {
        _ring.Dispose();
        // Registered blocks are pinned by the kernel for as long as it writes to them. Plain ones it finds by address, which
        // must therefore stay ours.
        if (_orphans == 0 || _hasFixedBuffers)
            _arena.Dispose();
        else
            _arena.Abandon();
    }

    private int InFlight => _slots.Length - _freeSlots.Count;

    private uint CompletionsToWaitFor()
    {
        var waitedFor = InFlight - _orphans;
        // A wait for several would sleep through a write to the event descriptor, which is one completion.
        if (_waker >= 0)
            return waitedFor > 0 || _orphans > 0 || !IsBusy ? 1u : 0u;
        if (waitedFor == 0)
            return _orphans > 0 && IsBusy ? 1u : 0u;
        return (uint)int.Max(1, waitedFor / WaitShare);
    }

    private long WaitNanoseconds()
    {
        if (!IsBusy)
            return _orphans > 0 || _waker < 0 ? ClosingPollNanoseconds : -1;
        var poll = _cancellable > 0 ? CancellationPollNanoseconds : ClosingPollNanoseconds;
        if (_earliestDeadline == long.MaxValue)
            return poll;
        if (_earliestDeadline - _time.GetTimestamp() >= _time.TimestampFrequency)
            return poll;
        var left = (Int128)(_earliestDeadline - _time.GetTimestamp()) * 1_000_000_000 / _time.TimestampFrequency;
        return (long)Int128.Clamp(left, 0, poll);
    }

    private void QueueForIssue(UringSeat seat)
    {
        if (!seat.IsQueued && seat.Chain.NextIssueBytes != 0)
        {
            seat.IsQueued = true;
            _issuing.Enqueue(seat);
        }
    }

    /// <summary>Gives reads to the ring, one of each chain in turn, until slots or blocks run out: then the rest waits its turn.</summary>
    private void Issue()
    {
        while (_freeSlots.Count > 0 && _issuing.TryPeek(out var seat))
        {
            var size = seat.Chain.NextIssueBytes;
            if (size != 0)
            {
                var block = _arena.TryTake(size);
                if (block == 0)
                    return;
                var number = _freeSlots.Pop();
                ref var slot = ref _slots[number];
                slot.Seat = seat;
                slot.Sequence = seat.Chain.Issue(out slot.OffsetBytes);
                slot.Block = block;
                slot.SizeBytes = size;
                slot.FileIndex = seat.File!.Index;
                slot.Descriptor = (int)seat.Chain.File.Handle.DangerousGetHandle();
                slot.Retries = 0;
                seat.InFlight++;
                AddRead(number);
            }
            _issuing.Dequeue();
            seat.IsQueued = false;
            QueueForIssue(seat);
        }
    }

    private void AddRead(int number)
    {
        ref var slot = ref _slots[number];
        var entry = Entry();
        entry->Operation = _hasFixedBuffers ? UringCalls.OperationReadFixed : UringCalls.OperationRead;
        entry->Flags = slot.FileIndex >= 0 ? UringCalls.FixedFile : (byte)0;
        entry->File = slot.FileIndex >= 0 ? slot.FileIndex : slot.Descriptor;
        entry->Offset = slot.OffsetBytes;
        entry->Address = (ulong)slot.Block;
        entry->Length = slot.SizeBytes;
        entry->UserData = (ulong)number;
        Reads++;
    }

    private void TakeCompletions()
    {
        while (_ring.TryTake(out var completion))
        {
            if ((completion.UserData & Ring.ControlTag) != 0)
            {
                if (completion.UserData == WakerTag)
                    ReadWaker();
                continue;
            }
            var number = (int)completion.UserData;
            ref var slot = ref _slots[number];
            if (completion.Result is -UringCalls.ErrorTryAgain or -UringCalls.ErrorInterrupted && slot.Seat is not null && slot.Retries++ < RetriesMax)
            {
                AddRead(number);
                continue;
            }
            if (slot.Seat is { } seat)
            {
                seat.InFlight--;
                seat.Chain.Complete(slot.Sequence, completion.Result, slot.Block);
                if (!seat.IsReady && seat.Chain.CanStep)
                {
                    seat.IsReady = true;
                    _ready.Add(seat);
                }
            }
            else
            {
                _orphans--;
                _arena.Return(slot.Block);
            }
            slot.Seat = null;
            _freeSlots.Push(number);
        }
    }

    private void RunSteps(UringSeat seat, long now)
    {
        var chain = seat.Chain;
        seat.IsReady = false;
        while (chain.CanStep)
            _arena.Return(chain.Step(now));
        if (chain.HasEnded)
            Finish(seat);
        else
            QueueForIssue(seat);
    }

    private void Finish(UringSeat seat)
    {
        var chain = seat.Chain;
        while (chain.TryTakeUnused(out var block))
            _arena.Return(block);
        if (seat.InFlight > 0)
            Orphan(seat);
        if (seat.IsCancellable)
            _cancellable--;
        seat.IsCancellable = false;
        LoopFiles.Leave(seat.File!);
        seat.File = null;
        base.Finish(seat);
    }

    /// <summary>The chain has ended, its reads have not: their blocks stay with the kernel until it gives them back, which it is asked to hurry.</summary>
    private void Orphan(UringSeat seat)
    {
        for (var number = 0; number < _slots.Length; number++)
        {
            ref var slot = ref _slots[number];
            if (slot.Seat != seat)
                continue;
            slot.Seat = null;
            _orphans++;
            if (IsBroken)
                continue;
            var entry = Entry();
            entry->Operation = UringCalls.OperationCancel;
            entry->File = -1;
            entry->Address = (ulong)number;
            entry->UserData = Ring.ControlTag;
        }
        seat.InFlight = 0;
    }

    private void EndOverdue(long now)
    {
        _earliestDeadline = long.MaxValue;
        foreach (var seat in _seats)
        {
            var chain = seat.Chain;
            if (!seat.IsTaken || chain.HasEnded)
                continue;
            if (IsClosing)
                chain.End(ChainStatus.Closed);
            if (chain.EndsBefore(now))
                Finish(seat);
            else
                _earliestDeadline = long.Min(_earliestDeadline, chain.Deadline);
        }
    }

    /// <summary>The kernel takes no more calls for this ring: whatever is under way ends with its reason.</summary>
    private void Break(int errno)
    {
        IsBroken = true;
        foreach (var seat in _seats)
        {
            if (!seat.IsTaken || seat.Chain.HasEnded)
                continue;
            seat.Chain.End(ChainStatus.ReadError, errno);
            Finish(seat);
        }
    }

    private void ReadWaker() => ReadWaker(_waker, (void*)_wakerBlock);
}
