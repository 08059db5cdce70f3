namespace Fathom.FarMemory.Pool;

/// <summary>How a pool keeps spans safe. One code path serves all of them; they differ in k, m and what a fragment is.</summary>
public enum RedundancyScheme
{
    /// <summary>k spans make a set with m parities; a read is one read of one fragment (Carbink's EC-Batch).</summary>
    ErasureBatch,

    /// <summary>Every span is cut into k chunks with m parity chunks; a read takes k of them (Hydra's EC-Split).</summary>
    ErasureSplit,

    /// <summary>Every span twice, on different nodes.</summary>
    ReplicationTwo,

    /// <summary>Every span three times, on different nodes.</summary>
    ReplicationThree,

    /// <summary>One copy; a dead node is a typed loss.</summary>
    None,
}

/// <summary>Who multiplies and moves the deltas of a compaction.</summary>
public enum CompactionMode
{
    /// <summary>Dead bytes stay until their whole set is dead.</summary>
    Off,

    /// <summary>This process pulls deltas and pushes parity updates (EC-Batch Local).</summary>
    Local,

    /// <summary>Data nodes send parity updates to parity nodes under two-phase commit (EC-Batch Remote).</summary>
    Remote,
}
