namespace Fathom.Serving.Scheduling;

/// <summary>A scheduling policy: picks the sequences of an iteration and gives them blocks.</summary>
internal interface ISelection
{
    /// <summary>Why the request could never run, even alone; null if it could.</summary>
    string? ReasonNeverFits(SequenceGroup group);

    /// <summary>Adds the sequences of the next iteration to an empty plan; leaves it empty when nothing can run before the next event.</summary>
    void Select(IterationPlan plan);

    /// <summary>The last sequence of a request has ended, or the request was cancelled.</summary>
    /// <param name="group">The request, no longer in the pool.</param>
    /// <param name="returned">Takes the requests whose results may now go back to their clients.</param>
    void Ended(SequenceGroup group, Queue<SequenceGroup> returned);
}
