namespace Fathom.FarMemory.Pool;

/// <summary>Counts of one pool since it opened (gauges say so). A copy: it does not change after it was taken.</summary>
public readonly record struct PoolCounters
{
    /// <summary>Span sets acknowledged.</summary>
    public long SetsWritten { get; init; }

    /// <summary>Bytes of spans that callers handed over in acknowledged sets.</summary>
    public long SpanBytesWritten { get; init; }

    /// <summary>Bytes sent to nodes for them, parity and retries included.</summary>
    public long FragmentBytesWritten { get; init; }

    /// <summary>Spans read, degraded reads included.</summary>
    public long SpansRead { get; init; }

    /// <summary>One-sided reads issued for spans that were read without decoding.</summary>
    public long FragmentReads { get; init; }

    /// <summary>Spans whose bytes were decoded from other fragments.</summary>
    public long DegradedReads { get; init; }

    /// <summary>Fragments that decoded reads were made of.</summary>
    public long DegradedFragments { get; init; }

    /// <summary>Reads that started a second way because the first was slow.</summary>
    public long HedgedReads { get; init; }

    /// <summary>Fragments whose bytes did not have their checksum.</summary>
    public long ChecksumFailures { get; init; }

    /// <summary>Spans reported lost, each once.</summary>
    public long SpansLost { get; init; }

    /// <summary>Compactions committed.</summary>
    public long Compactions { get; init; }

    /// <summary>Compactions given up, with nothing changed.</summary>
    public long CompactionsAborted { get; init; }

    /// <summary>Span transfers of committed compactions: deltas pulled, parity updates sent.</summary>
    public long CompactionTransfers { get; init; }

    /// <summary>Fragments rebuilt or moved by recovery, repair and drain.</summary>
    public long FragmentsRebuilt { get; init; }

    /// <summary>Bytes of them.</summary>
    public long RebuiltBytes { get; init; }

    /// <summary>Fragments checked by the scrubber.</summary>
    public long FragmentsScrubbed { get; init; }

    /// <summary>Now: bytes of spans not released.</summary>
    public long LiveBytes { get; init; }

    /// <summary>Now: bytes allocated on nodes: live, dead and parity.</summary>
    public long AllocatedBytes { get; init; }

    /// <summary>Now: fragments waiting to be rebuilt.</summary>
    public long RebuildBacklog { get; init; }

    /// <summary>Now: live spans in sets that miss a fragment.</summary>
    public long SpansBelowFullRedundancy { get; init; }
}
