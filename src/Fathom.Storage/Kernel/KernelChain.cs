using Fathom.Storage.Native;

namespace Fathom.Storage.Kernel;

/// <summary>A chain in the module's words: the request on its way there, the result on its way back.</summary>
internal static class KernelChain
{
    private const int NoSuchPin = 9; // EBADF

    /// <summary>Fills a request but for the address of its scratch.</summary>
    public static XrpRead Describe(in ChainRequest request, uint pin, ulong function)
    {
        var limits = request.Limits;
        return new XrpRead
        {
            File = pin,
            Function = function,
            Offset = unchecked((ulong)request.OffsetBytes),
            Size = unchecked((uint)request.SizeBytes),
            ScratchSize = (uint)request.Scratch.Length,
            ReadsMax = (uint)(limits.ReadsMax == 0 ? ChainLimits.DefaultReadsMax : limits.ReadsMax),
            BytesMax = (ulong)(limits.BytesMax == 0 ? ChainLimits.DefaultBytesMax : limits.BytesMax),
            DeadlineMs = DeadlineMs(limits.Deadline),
        };
    }

    /// <summary>Whether the chain's time is over before it begins.</summary>
    public static bool IsOverdue(in ChainRequest request) =>
        request.Limits.Deadline < TimeSpan.Zero && request.Limits.Deadline != Timeout.InfiniteTimeSpan;

    /// <summary>The result of a chain that ran.</summary>
    public static ChainResult ResultOf(in XrpRead ran)
    {
        var status = StatusOf(ran.Status);
        return new ChainResult
        {
            Status = status,
            Code = status is ChainStatus.FunctionError or ChainStatus.ReadError ? ran.Code : 0,
            Hops = (int)ran.Hops,
            Bytes = (long)ran.Bytes,
            OffsetBytes = ran.BlameOffset,
            SizeBytes = ran.BlameSize,
            // The module's bits are those of FileChange.
            Change = status == ChainStatus.FileChanged ? (FileChange)ran.Change : FileChange.None,
        };
    }

    /// <summary>The result of a chain that the module did not begin.</summary>
    public static ChainResult Refused(int errno) => errno is NoSuchPin or BpfCalls.ErrorNoEntry
        ? new ChainResult { Status = ChainStatus.Closed }
        : new ChainResult { Status = ChainStatus.ReadError, Code = errno };

    private static uint DeadlineMs(TimeSpan deadline)
    {
        if (deadline == Timeout.InfiniteTimeSpan)
            return 0;
        if (deadline == TimeSpan.Zero)
            deadline = ChainLimits.DefaultDeadline;
        return (uint)double.Clamp(double.Ceiling(deadline.TotalMilliseconds), 1, uint.MaxValue);
    }

    private static ChainStatus StatusOf(XrpStatus status) => status switch
    {
        XrpStatus.Done => ChainStatus.Done,
        XrpStatus.FunctionError => ChainStatus.FunctionError,
        XrpStatus.Stalled => ChainStatus.Stalled,
        XrpStatus.HopLimit => ChainStatus.HopLimit,
        XrpStatus.ByteLimit => ChainStatus.ByteLimit,
        XrpStatus.Deadline => ChainStatus.Deadline,
        XrpStatus.Cancelled => ChainStatus.Cancelled,
        XrpStatus.OutOfFile => ChainStatus.OutOfFile,
        XrpStatus.Misaligned => ChainStatus.Misaligned,
        XrpStatus.BadSize => ChainStatus.BadSize,
        XrpStatus.TooManyReads => ChainStatus.TooManyReads,
        XrpStatus.Hole => ChainStatus.Hole,
        XrpStatus.FileChanged => ChainStatus.FileChanged,
        XrpStatus.Detached => ChainStatus.Closed,
        _ => ChainStatus.ReadError,
    };
}
