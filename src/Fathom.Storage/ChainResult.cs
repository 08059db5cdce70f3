using System.Globalization;

namespace Fathom.Storage;

/// <summary>How a chain ended and what it cost.</summary>
public readonly record struct ChainResult
{
    /// <summary>How it ended.</summary>
    public ChainStatus Status { get; init; }

    /// <summary>The function's error with <see cref="ChainStatus.FunctionError"/>, the errno with <see cref="ChainStatus.ReadError"/>, else 0.</summary>
    public int Code { get; init; }

    /// <summary>Steps that ran: reads that completed and were shown to the function.</summary>
    public int Hops { get; init; }

    /// <summary>Bytes shown to the function.</summary>
    public long Bytes { get; init; }

    /// <summary>File offset of the read that was refused or failed; 0 where no read is to blame.</summary>
    public ulong OffsetBytes { get; init; }

    /// <summary>Size of that read.</summary>
    public uint SizeBytes { get; init; }

    /// <summary>What happened to the file, with <see cref="ChainStatus.FileChanged"/>.</summary>
    public FileChange Change { get; init; }

    /// <summary>What the function threw, with <see cref="ChainStatus.FunctionException"/>.</summary>
    public Exception? Exception { get; init; }

    /// <summary>Whether the function finished.</summary>
    public bool IsDone => Status == ChainStatus.Done;

    /// <summary>Throws unless the chain is done, for callers to whom anything else is a failure.</summary>
    /// <exception cref="ChainException">The chain ended in another way.</exception>
    public void ThrowUnlessDone()
    {
        if (!IsDone)
            throw new ChainException(this);
    }

    /// <summary>One line: how the chain ended, with the offset, size or code to blame.</summary>
    public override string ToString()
    {
        var cause = Status switch
        {
            ChainStatus.Done => "done",
            ChainStatus.FunctionError => $"the function returned {Code}",
            ChainStatus.FunctionException => $"the function threw {Exception?.GetType().Name}: {Exception?.Message}",
            ChainStatus.Stalled => "the function asked for no read and was not done",
            ChainStatus.HopLimit => "the chain reached its limit of reads",
            ChainStatus.ByteLimit => "the chain reached its limit of bytes",
            ChainStatus.Deadline => "the deadline passed",
            ChainStatus.Cancelled => "cancelled",
            ChainStatus.OutOfFile => "a read lies outside the file",
            ChainStatus.Misaligned => "a read is not aligned",
            ChainStatus.BadSize => "a read's size is not between 512 and 65536",
            ChainStatus.TooManyReads => "too many reads are pending",
            ChainStatus.Hole => "a read touches a hole of the file",
            ChainStatus.ReadError => $"the system refused a read with errno {Code}",
            ChainStatus.ShortRead => "the system gave too few bytes",
            ChainStatus.FileChanged => $"the file changed ({Change})",
            ChainStatus.Closed => "the file was closed",
            _ => Status.ToString(),
        };
        var read = SizeBytes == 0 && OffsetBytes == 0
            ? ""
            : string.Create(CultureInfo.InvariantCulture, $" (offset {OffsetBytes}, size {SizeBytes})");
        return string.Create(CultureInfo.InvariantCulture, $"{cause}{read} after {Hops} hops");
    }
}
