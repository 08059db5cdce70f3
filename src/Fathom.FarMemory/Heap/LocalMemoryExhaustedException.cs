using Fathom.FarMemory.Pool;

namespace Fathom.FarMemory.Heap;

/// <summary>No room came free in local memory before the deadline: everything in it is held by scopes or pins, or far memory takes nothing.</summary>
public sealed class LocalMemoryExhaustedException : FarMemoryException
{
    internal LocalMemoryExhaustedException(long neededBytes, long localMemoryBytes, TimeSpan waited, WriteStatus? lastEviction)
        : base($"No room for {neededBytes} bytes in {localMemoryBytes} bytes of local memory within {waited.TotalMilliseconds:F0} ms; " +
            $"last eviction: {(lastEviction is { } status ? status.ToString() : "none")}.")
    {
        NeededBytes = neededBytes;
        LocalMemoryBytes = localMemoryBytes;
        Waited = waited;
        LastEviction = lastEviction;
    }

    /// <summary>Bytes of the span that found no room.</summary>
    public long NeededBytes { get; }

    /// <summary>Size of local memory.</summary>
    public long LocalMemoryBytes { get; }

    /// <summary>How long the caller waited.</summary>
    public TimeSpan Waited { get; }

    /// <summary>How the last write to far memory ended; null when none has ended yet.</summary>
    public WriteStatus? LastEviction { get; }
}
