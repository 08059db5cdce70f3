namespace Fathom.FarMemory.Swap;

/// <summary>Counts of one heap since it opened (gauges say so). A copy: it does not change after it was taken.</summary>
public readonly record struct FarHeapCounters
{
    /// <summary>Spans brought to local memory, one pool read each.</summary>
    public long SwapIns { get; init; }

    /// <summary>Of them, spans that the pool had to decode.</summary>
    public long SwapInsDegraded { get; init; }

    /// <summary>Bytes of those spans.</summary>
    public long SwappedInBytes { get; init; }

    /// <summary>Spans that left local memory.</summary>
    public long SwapOuts { get; init; }

    /// <summary>Bytes of those spans.</summary>
    public long SwappedOutBytes { get; init; }

    /// <summary>Span sets that the pool acknowledged.</summary>
    public long SetsWritten { get; init; }

    /// <summary>Span sets that the pool did not take; their spans stayed.</summary>
    public long SetsRefused { get; init; }

    /// <summary>Objects moved between local spans.</summary>
    public long ObjectsMoved { get; init; }

    /// <summary>Times that the application won a marked pointer from a background thread.</summary>
    public long RacesWon { get; init; }

    /// <summary>Grace periods that ended with a scope still open, which was worked around.</summary>
    public long ScopesBypassed { get; init; }

    /// <summary>Scopes that stayed open past the watchdog's limit.</summary>
    public long ScopesLong { get; init; }

    /// <summary>Now: bytes of local pages in use.</summary>
    public long LocalBytes { get; init; }

    /// <summary>Now: spans in far memory.</summary>
    public long FarSpans { get; init; }

    /// <summary>Now: bytes of those spans.</summary>
    public long FarBytes { get; init; }

    /// <summary>Now: native memory that pointer slots take, beside the local memory.</summary>
    public long SlotBytes { get; init; }
}
