using Fathom.Memory;

namespace Fathom.Storage.Chains;

/// <summary>The state machine of one chain: which reads it wants, which step runs next, and how it ended.</summary>
/// <remarks>
/// Owned by the engine that runs it; one thread at a time may call it. No I/O, lock or clock inside: the engine issues the
/// reads, reports them in any order, and calls <see cref="Step"/>, which takes them in the order in which they were asked for.
/// Reusable: <see cref="Begin"/> starts over, and nothing is allocated once the list of reads has grown to what functions ask for.
/// </remarks>
internal sealed unsafe class Chain
{
    /// <summary>Reads of one chain that are with the system at a time.</summary>
    public const int ReadsInFlightMax = 16;

    /// <summary>Reads of one chain that are asked for and not yet stepped over.</summary>
    public const int ReadsPendingMax = 256;

    // Reads by sequence number modulo the length, a power of two: [_head, _issued) are with the system or complete,
    // [_issued, _tail) wait for the engine to take them.
    private PendingRead[] _reads = new PendingRead[ReadsInFlightMax];
    private uint _head;
    private uint _issued;
    private uint _tail;

    private StorageContext _context;
    private ChainRequest _request;
    private long _version;
    private long _deadline;
    private int _readsLeft;
    private long _bytesLeft;
    private int _hops;
    private long _bytes;
    [ThreadStatic]
    private static bool t_isInStep;

    private bool _ended = true;
    private bool _holdsFile;
    private ChainResult _result;

    /// <summary>Whether the calling thread is inside a function.</summary>
    public static bool IsInStep => t_isInStep;

    /// <summary>Whether <see cref="Result"/> is set and no further step will run.</summary>
    public bool HasEnded => _ended;

    /// <summary>How the chain ended.</summary>
    public ref readonly ChainResult Result
    {
        get
        {
            Invariant.Check(_ended);
            return ref _result;
        }
    }

    /// <summary>The file, while the chain has not ended.</summary>
    public StorageFile File => _request.File;

    /// <summary>Time stamp after which the chain ends; <see cref="long.MaxValue"/> for none.</summary>
    public long Deadline => _deadline;

    /// <summary>Whether a token can end the chain while it waits.</summary>
    public bool CanBeCancelled => _request.Cancellation.CanBeCanceled;

    /// <summary>Whether the next step's data is there.</summary>
    public bool CanStep => !_ended && _head != _issued && At(_head).IsComplete;

    /// <summary>Starts over with a new request; the first read is checked like every other one.</summary>
    /// <param name="request">What to run.</param>
    /// <param name="now">Time stamp of the start.</param>
    /// <param name="ticksPerSecond">Unit of time stamps.</param>
    public void Begin(in ChainRequest request, long now, long ticksPerSecond)
    {
        Invariant.Check(_ended && _head == _issued);
        _request = request;
        var limits = request.Limits;
        _readsLeft = limits.ReadsMax == 0 ? ChainLimits.DefaultReadsMax : limits.ReadsMax;
        _bytesLeft = limits.BytesMax == 0 ? ChainLimits.DefaultBytesMax : limits.BytesMax;
        _deadline = DeadlineOf(limits.Deadline, now, ticksPerSecond);
        _hops = 0;
        _bytes = 0;
        _head = _issued = _tail = 0;
        _ended = false;
        _holdsFile = request.File.TryAcquire();
        if (!_holdsFile)
        {
            Finish(new ChainResult { Status = ChainStatus.Closed });
            return;
        }
        _version = request.File.State.Version;
        Ask(unchecked((ulong)request.OffsetBytes), unchecked((uint)request.SizeBytes));
    }

    /// <summary>Bytes of the next read to give to the system; 0 when there is none, or as many as may be are there already.</summary>
    public uint NextIssueBytes => _ended || _issued == _tail || _issued - _head == ReadsInFlightMax ? 0 : At(_issued).SizeBytes;

    /// <summary>Takes the next read to give to the system; only when <see cref="NextIssueBytes"/> is not 0.</summary>
    /// <returns>Its sequence number, by which <see cref="Complete"/> knows it.</returns>
    public uint Issue(out ulong offsetBytes)
    {
        Invariant.Check(NextIssueBytes != 0);
        offsetBytes = At(_issued).OffsetBytes;
        return _issued++;
    }

    /// <summary>A read that was issued is over.</summary>
    /// <param name="sequence">Which.</param>
    /// <param name="outcome">Bytes read, or a negated errno.</param>
    /// <param name="block">Where the data is; stays the engine's, and untouched until <see cref="Step"/> or <see cref="TryTakeUnused"/> gives it back.</param>
    public void Complete(uint sequence, int outcome, nint block)
    {
        Invariant.Check(sequence - _head < _issued - _head);
        ref var read = ref At(sequence);
        Invariant.Check(!read.IsComplete && outcome <= (long)read.SizeBytes);
        read.Outcome = outcome;
        read.Block = block;
        read.IsComplete = true;
    }

    /// <summary>Runs the function over the next read, if nothing stands against it; only when <see cref="CanStep"/>.</summary>
    /// <param name="now">Time stamp.</param>
    /// <returns>The read's block, which the engine may use again.</returns>
    public nint Step(long now)
    {
        Invariant.Check(CanStep);
        ref var read = ref At(_head++);
        var block = read.Block;
        if (EndsBefore(now))
            return block;
        var file = _request.File;
        if (file.State.Version != _version)
            Finish(Blame(ChainStatus.FileChanged, read.OffsetBytes, read.SizeBytes) with { Change = file.State.ChangesSince(_version) });
        else if (read.Outcome < 0)
            Finish(Blame(ChainStatus.ReadError, read.OffsetBytes, read.SizeBytes) with { Code = -read.Outcome });
        else if (read.Outcome < read.ExpectedBytes)
            Finish(Blame(ChainStatus.ShortRead, read.OffsetBytes, read.SizeBytes));
        else
            Run(read.OffsetBytes, block, read.Outcome);
        return block;
    }

    /// <summary>Ends the chain if its time is over, its token was triggered or its file was closed; true if it has ended.</summary>
    public bool EndsBefore(long now)
    {
        if (_ended)
            return true;
        if (_request.File.IsClosed)
            End(ChainStatus.Closed);
        else if (_request.Cancellation.IsCancellationRequested)
            End(ChainStatus.Cancelled);
        else if (now >= _deadline)
            End(ChainStatus.Deadline);
        return _ended;
    }

    /// <summary>Ends the chain for a reason that lies outside it.</summary>
    public void End(ChainStatus status, int code = 0)
    {
        if (!_ended)
            Finish(Blame(status, 0, 0) with { Code = code });
    }

    /// <summary>After the end: takes back the block of a read that no step has seen. Reads still with the system are the engine's to follow.</summary>
    public bool TryTakeUnused(out nint block)
    {
        Invariant.Check(_ended);
        for (; _head != _issued; _head++)
        {
            ref var read = ref At(_head);
            if (read.IsComplete)
            {
                block = read.Block;
                _head++;
                return true;
            }
        }
        block = 0;
        return false;
    }

    private static long DeadlineOf(TimeSpan deadline, long now, long ticksPerSecond)
    {
        if (deadline == Timeout.InfiniteTimeSpan)
            return long.MaxValue;
        if (deadline == TimeSpan.Zero)
            deadline = ChainLimits.DefaultDeadline;
        var ticks = now + ((Int128)deadline.Ticks * ticksPerSecond / TimeSpan.TicksPerSecond);
        return ticks > long.MaxValue ? long.MaxValue : (long)Int128.Max(ticks, long.MinValue);
    }

    private ref PendingRead At(uint sequence) => ref _reads[sequence & (uint)(_reads.Length - 1)];

    private void Run(ulong offsetBytes, nint block, int bytes)
    {
        var scratch = _request.Scratch.Span;
        _context = default;
        _context.Offset = offsetBytes;
        _context.Size = (uint)bytes;
        _context.ScratchSize = (uint)scratch.Length;
        _context.Hop = (uint)_hops;
        _context.ReadsPending = _tail - _head;
        _hops++;
        _bytes += bytes;
        int code;
        t_isInStep = true;
        try
        {
            // SAFETY: the engine keeps the block as it is until Step returns, and `bytes` of it were read.
            code = _request.Function.Step(ref _context, (byte*)block, bytes, scratch);
        }
#pragma warning disable CA1031 // The function is the caller's code: whatever it throws reaches the caller in the result, and the engine goes on.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            Finish(Blame(ChainStatus.FunctionException, 0, 0) with { Exception = failure });
            return;
        }
        finally
        {
            t_isInStep = false;
        }
        if (code != 0)
            Finish(Blame(ChainStatus.FunctionError, 0, 0) with { Code = code });
        else if (_context.Done != 0)
            End(ChainStatus.Done);
        else
            AskNext();
    }

    private void AskNext()
    {
        for (var i = 0; i < StorageContext.NextReadsMax && !_ended; i++)
        {
            if (_context.NextSize[i] != 0)
                Ask(_context.NextOffset[i], _context.NextSize[i]);
        }
        if (!_ended && _head == _tail)
            End(ChainStatus.Stalled);
    }

    /// <summary>Queues a read, or ends the chain when the read may not be.</summary>
    private void Ask(ulong offsetBytes, uint sizeBytes)
    {
        var refusal = RefusalOf(offsetBytes, sizeBytes, out var expectedBytes);
        if (refusal != ChainStatus.Done)
        {
            Finish(Blame(refusal, offsetBytes, sizeBytes));
            return;
        }
        if (_tail - _head == _reads.Length)
            Grow();
        _readsLeft--;
        _bytesLeft -= sizeBytes;
        At(_tail++) = new PendingRead { OffsetBytes = offsetBytes, SizeBytes = sizeBytes, ExpectedBytes = expectedBytes };
    }

    /// <summary>Why a read may not be; <see cref="ChainStatus.Done"/> when it may.</summary>
    private ChainStatus RefusalOf(ulong offsetBytes, uint sizeBytes, out uint expectedBytes)
    {
        expectedBytes = 0;
        if (sizeBytes is < ChainRequest.ReadBytesMin or > ChainRequest.ReadBytesMax)
            return ChainStatus.BadSize;
        var file = _request.File;
        if (!file.Reaches(offsetBytes))
            return ChainStatus.OutOfFile;
        // Alignments are powers of two.
        if (((offsetBytes | sizeBytes) & (ulong)(file.AlignmentBytes - 1)) != 0)
            return ChainStatus.Misaligned;
        if (_readsLeft <= 0)
            return ChainStatus.HopLimit;
        if (sizeBytes > _bytesLeft)
            return ChainStatus.ByteLimit;
        if (_tail - _head == ReadsPendingMax)
            return ChainStatus.TooManyReads;
        if (file.HasHole(offsetBytes, sizeBytes))
            return ChainStatus.Hole;
        // The length may have shrunk between the two looks at it; a read beyond the end then expects nothing and gets nothing.
        var restBytes = file.LengthBytes - (long)offsetBytes;
        expectedBytes = (uint)long.Clamp(restBytes, 0, sizeBytes);
        return ChainStatus.Done;
    }

    private void Grow()
    {
        var larger = new PendingRead[_reads.Length * 2];
        for (var sequence = _head; sequence != _tail; sequence++)
            larger[sequence & (uint)(larger.Length - 1)] = At(sequence);
        _reads = larger;
    }

    private ChainResult Blame(ChainStatus status, ulong offsetBytes, uint sizeBytes) =>
        new() { Status = status, Hops = _hops, Bytes = _bytes, OffsetBytes = offsetBytes, SizeBytes = sizeBytes };

    private void Finish(in ChainResult result)
    {
        _result = result;
        _ended = true;
        if (_holdsFile)
            _request.File.Release();
        _request = default;
    }
}
