namespace Fathom.Serving.Scheduling;

/// <summary>Where a sequence stands; the first three are Algorithm 1's.</summary>
internal enum SequenceState
{
    /// <summary>Holds no blocks: not started, or preempted and to be computed again.</summary>
    Initiation,

    /// <summary>In a batch that was scheduled and has not returned.</summary>
    Running,

    /// <summary>Started, and in no batch.</summary>
    Increment,

    /// <summary>Ended; holds nothing.</summary>
    Finished,
}
