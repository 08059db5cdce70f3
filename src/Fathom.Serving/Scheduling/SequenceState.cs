namespace Fathom.Serving.Scheduling;

/// <summary>Where a sequence stands; <see cref="Loading"/> aside, the first three are Algorithm 1's.</summary>
internal enum SequenceState
{
    /// <summary>Holds no blocks: not started, or preempted and to be computed again.</summary>
    Initiation,

    /// <summary>Holds no blocks, and waits for what its tokens begin with to come from the tiers.</summary>
    Loading,

    /// <summary>In a batch that was scheduled and has not returned.</summary>
    Running,

    /// <summary>Started, and in no batch.</summary>
    Increment,

    /// <summary>Ended; holds nothing.</summary>
    Finished,
}
