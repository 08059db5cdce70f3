namespace Fathom.FarMemory.Pool;

/// <summary>How the read of a span ended. The destination holds the span's bytes exactly when it is <see cref="Read"/>.</summary>
public enum ReadStatus
{
    /// <summary>The right bytes, by checksum.</summary>
    Read,

    /// <summary>More fragments of its set are gone than the scheme has parities: the span's bytes exist nowhere reachable.</summary>
    Lost,

    /// <summary>The deadline passed before enough nodes answered.</summary>
    Deadline,

    /// <summary>No such span: never written, or released.</summary>
    UnknownSpan,

    /// <summary>The destination is shorter than the span.</summary>
    DestinationTooShort,

    /// <summary>This process lost its lease: its regions belong to somebody else.</summary>
    Fenced,

    /// <summary>The caller cancelled, or the pool closed.</summary>
    Cancelled,
}

/// <summary>Outcome of reading a span.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="LengthBytes">Bytes of the span in the destination, 0 unless read.</param>
/// <param name="IsDegraded">The bytes were decoded from other fragments of the set.</param>
public readonly record struct ReadOutcome(ReadStatus Status, int LengthBytes = 0, bool IsDegraded = false)
{
    /// <summary>The destination holds the span's bytes.</summary>
    public bool IsRead => Status == ReadStatus.Read;
}
