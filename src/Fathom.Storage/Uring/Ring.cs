using System.Runtime.InteropServices;
using Fathom.Memory;
using Fathom.Storage.Native;

namespace Fathom.Storage.Uring;

/// <summary>One io_uring: a queue of reads to submit and a queue of completions, shared with the kernel.</summary>
/// <remarks>
/// Belongs to the thread that made it: the kernel takes calls from no other (where it can be told so). Closing it is allowed
/// from any thread that knows that the owner is not inside.
/// </remarks>
internal sealed unsafe class Ring : IDisposable
{
    /// <summary>Set in the user data of entries that are no reads.</summary>
    public const ulong ControlTag = 1UL << 63;

    private const uint FeaturesNeeded =
        UringCalls.FeatureSingleMapping | UringCalls.FeatureNoDrop | UringCalls.FeatureExtendedArgument;

    // What a ring is asked for, best first: an older kernel refuses flags that it does not know.
    private static readonly (uint Flags, string Meaning)[] Setups =
    [
        (UringCalls.SetupSingleIssuer | UringCalls.SetupDeferTasks | UringCalls.SetupSubmitAll, "deferred completions"),
        (UringCalls.SetupCooperativeTasks | UringCalls.SetupSubmitAll, "cooperative completions"),
        (0, "plain completions"),
    ];

    private readonly int _file;
    private readonly RingMapping _queues;
    private readonly RingMapping _entries;
    private readonly uint* _submissionHead;
    private readonly uint* _submissionTail;
    private readonly uint _submissionMask;
    private readonly uint* _completionHead;
    private readonly uint* _completionTail;
    private readonly uint _completionMask;
    private readonly CompletionEntry* _completions;
    private readonly SubmissionEntry* _submissions;
    private uint _tail; // ours; the kernel sees it when entries are submitted
    private uint _submitted;
    private bool _disposed;

    private Ring(int file, RingMapping queues, RingMapping entries, in RingParameters parameters, string setup)
    {
        _file = file;
        _queues = queues;
        _entries = entries;
        Setup = setup;
        // SAFETY: the kernel gave the offsets for the mapping whose length was computed from the same parameters.
        var start = (byte*)queues.Address;
        _submissionHead = (uint*)(start + parameters.Submission.Head);
        _submissionTail = (uint*)(start + parameters.Submission.Tail);
        _submissionMask = *(uint*)(start + parameters.Submission.Mask);
        _completionHead = (uint*)(start + parameters.Completion.Head);
        _completionTail = (uint*)(start + parameters.Completion.Tail);
        _completionMask = *(uint*)(start + parameters.Completion.Mask);
        _completions = (CompletionEntry*)(start + parameters.Completion.Completions);
        _submissions = (SubmissionEntry*)entries.Address;
        Entries = parameters.SubmissionEntries;
        // The array between tail and entries is an indirection that is not needed here: entry i stands at place i for good.
        var array = (uint*)(start + parameters.Submission.Array);
        for (var i = 0u; i < Entries; i++)
            array[i] = i;
        _tail = _submitted = *_submissionTail;
    }

    /// <summary>Entries that can wait for submission.</summary>
    public uint Entries { get; }

    /// <summary>How completions are delivered, for people.</summary>
    public string Setup { get; }

    /// <summary>Entries that were added and not yet submitted.</summary>
    public uint Unsubmitted => _tail - _submitted;

    /// <summary>System calls made.</summary>
    public long Calls { get; private set; }

    /// <summary>Makes a ring; null with the reason when the kernel gives none.</summary>
    /// <param name="entries">Entries, rounded up to a power of two; completions get twice as many.</param>
    /// <param name="refusal">One line.</param>
    public static Ring? TryCreate(uint entries, out string refusal)
    {
        refusal = "";
        if (!OperatingSystem.IsLinux())
        {
            refusal = "io_uring is a part of Linux";
            return null;
        }
        foreach (var (flags, meaning) in Setups)
        {
            var parameters = new RingParameters
            {
                Flags = flags | UringCalls.SetupClamp | UringCalls.SetupCompletionSize,
                CompletionEntries = entries * 2,
            };
            // SAFETY: the structure is the kernel's own layout and outlives the call.
            var file = (int)UringCalls.Setup(UringCalls.SetupNumber, (nint)entries, &parameters);
            if (file >= 0)
                return Map(file, parameters, meaning, out refusal);
            var errno = Marshal.GetLastPInvokeError();
            refusal = $"io_uring_setup was refused: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}{Hint(errno)})";
            if (errno != UringCalls.ErrorInvalid)
                return null;
        }
        return null;
    }

    /// <summary>The next free entry, cleared; null when <see cref="Entries"/> wait for submission.</summary>
    public SubmissionEntry* TryAdd()
    {
        if (_tail - Volatile.Read(ref *_submissionHead) > _submissionMask)
            return null;
        // SAFETY: the mask keeps the index inside the mapped entries; the kernel is done with this one, its head is beyond it.
        var entry = _submissions + (_tail++ & _submissionMask);
        *entry = default;
        return entry;
    }

    /// <summary>Submits what was added and waits.</summary>
    /// <param name="waitFor">Completions to wait for; 0 to return at once.</param>
    /// <param name="timeoutNanoseconds">Longest wait; negative for none.</param>
    /// <returns>0, or the errno; running out of time and signals are no errors.</returns>
    public int Enter(uint waitFor, long timeoutNanoseconds)
    {
        // Release: the kernel must see the entries' contents before it sees the tail.
        Volatile.Write(ref *_submissionTail, _tail);
        var time = stackalloc long[2] { timeoutNanoseconds / 1_000_000_000, timeoutNanoseconds % 1_000_000_000 };
        var argument = new WaitArgument { Time = timeoutNanoseconds < 0 ? null : time };
        Calls++;
        // SAFETY: argument and time outlive the call, and the size is that of the structure.
        var submitted = UringCalls.Enter(
            UringCalls.EnterNumber, _file, (nint)Unsubmitted, (nint)waitFor,
            (nint)(UringCalls.EnterGetEvents | UringCalls.EnterExtendedArgument), &argument, sizeof(WaitArgument));
        var errno = submitted < 0 ? Marshal.GetLastPInvokeError() : 0;
        // What the kernel took is said by its head, also where the wait that followed ended early.
        _submitted = Volatile.Read(ref *_submissionHead);
        return errno is UringCalls.ErrorTimer or UringCalls.ErrorInterrupted or UringCalls.ErrorTryAgain or UringCalls.ErrorBusy ? 0 : errno;
    }

    /// <summary>Takes the oldest completion.</summary>
    public bool TryTake(out CompletionEntry completion)
    {
        var head = *_completionHead; // only this thread moves it
        // Acquire: the entry's contents are read after the tail that announced it.
        if (head == Volatile.Read(ref *_completionTail))
        {
            completion = default;
            return false;
        }
        // SAFETY: the mask keeps the index inside the mapped ring.
        completion = _completions[head & _completionMask];
        // Release: the kernel may write the place again only after it was read.
        Volatile.Write(ref *_completionHead, head + 1);
        return true;
    }

    /// <summary>Tells the ring about something once, so that it need not look it up at each read.</summary>
    /// <returns>0, or the errno.</returns>
    public int Register(uint operation, void* argument, uint count)
    {
        Calls++;
        // SAFETY: the caller's structure is what the operation takes.
        return UringCalls.Register(UringCalls.RegisterNumber, _file, (nint)operation, argument, (nint)count) < 0
            ? Marshal.GetLastPInvokeError()
            : 0;
    }

    /// <summary>Whether the kernel knows all of the operations.</summary>
    public bool Supports(params ReadOnlySpan<byte> operations)
    {
        // struct io_uring_probe: 16 bytes, then 8 for each operation: number, reserved, flags (16 bits), reserved.
        const int OperationsMax = 64;
        var probe = stackalloc byte[16 + (OperationsMax * 8)];
        new Span<byte>(probe, 16 + (OperationsMax * 8)).Clear();
        if (Register(UringCalls.RegisterProbe, probe, OperationsMax) != 0)
            return false;
        foreach (var operation in operations)
        {
            Invariant.Check(operation < OperationsMax);
            if ((*(ushort*)(probe + 16 + (operation * 8) + 2) & UringCalls.OperationSupported) == 0)
                return false;
        }
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _queues.Dispose();
        _entries.Dispose();
        _ = UringCalls.Close(_file); // nothing to be done about a refusal: the descriptor is gone either way
    }

    private static Ring? Map(int file, in RingParameters parameters, string meaning, out string refusal)
    {
        RingMapping? queues = null;
        RingMapping? entries = null;
        if ((parameters.Features & FeaturesNeeded) != FeaturesNeeded)
        {
            refusal = $"this kernel's io_uring is too old (features {parameters.Features:x}); Linux 5.11 or later is needed";
        }
        else
        {
            var length = nuint.Max(
                parameters.Submission.Array + (parameters.SubmissionEntries * sizeof(uint)),
                parameters.Completion.Completions + (parameters.CompletionEntries * (nuint)sizeof(CompletionEntry)));
            queues = RingMapping.OfRing(file, UringCalls.SubmissionRingOffset, length, out var errno);
            if (queues is not null)
            {
                entries = RingMapping.OfRing(
                    file, UringCalls.SubmissionEntriesOffset, parameters.SubmissionEntries * (nuint)sizeof(SubmissionEntry), out errno);
            }
            refusal = errno == 0 ? "" : $"the queues could not be mapped: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})";
        }
        if (queues is not null && entries is not null)
            return new Ring(file, queues, entries, parameters, meaning);
        queues?.Dispose();
        _ = UringCalls.Close(file);
        return null;
    }

    private static string Hint(int errno)
    {
        const string Switch = "/proc/sys/kernel/io_uring_disabled";
        const int NotPermitted = 1;
        const int NoSuchCall = 38;
        return errno switch
        {
            NotPermitted when File.Exists(Switch) => $"; {Switch} is {File.ReadAllText(Switch).Trim()}",
            NoSuchCall => "; the kernel has no io_uring, or a filter hides it",
            _ => "",
        };
    }
}
