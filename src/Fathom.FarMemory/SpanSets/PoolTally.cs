using Fathom.FarMemory.Pool;

namespace Fathom.FarMemory.SpanSets;

/// <summary>The counters of a pool while they count. Meanings stand at <see cref="PoolCounters"/>.</summary>
internal sealed class PoolTally
{
    public long SetsWritten;
    public long SpanBytesWritten;
    public long FragmentBytesWritten;
    public long SpansRead;
    public long FragmentReads;
    public long DegradedReads;
    public long DegradedFragments;
    public long HedgedReads;
    public long ChecksumFailures;
    public long SpansLost;
    public long Compactions;
    public long CompactionsAborted;
    public long CompactionTransfers;
    public long FragmentsRebuilt;
    public long RebuiltBytes;
    public long FragmentsScrubbed;
    public long LiveBytes;
    public long DeadBytes;

    public PoolCounters Snapshot(long allocatedBytes, long rebuildBacklog, long spansBelowFullRedundancy) => new()
    {
        SetsWritten = SetsWritten,
        SpanBytesWritten = SpanBytesWritten,
        FragmentBytesWritten = FragmentBytesWritten,
        SpansRead = SpansRead,
        FragmentReads = FragmentReads,
        DegradedReads = DegradedReads,
        DegradedFragments = DegradedFragments,
        HedgedReads = HedgedReads,
        ChecksumFailures = ChecksumFailures,
        SpansLost = SpansLost,
        Compactions = Compactions,
        CompactionsAborted = CompactionsAborted,
        CompactionTransfers = CompactionTransfers,
        FragmentsRebuilt = FragmentsRebuilt,
        RebuiltBytes = RebuiltBytes,
        FragmentsScrubbed = FragmentsScrubbed,
        LiveBytes = LiveBytes,
        AllocatedBytes = allocatedBytes,
        RebuildBacklog = rebuildBacklog,
        SpansBelowFullRedundancy = spansBelowFullRedundancy,
    };
}
