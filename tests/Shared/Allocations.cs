namespace Fathom.Testing;

/// <summary>What code allocates on the managed heap.</summary>
internal static class Allocations
{
    /// <summary>Bytes that the calling thread allocates in a round of warm code: the least of several rounds.</summary>
    /// <param name="round">The code; runs once before it is measured.</param>
    /// <param name="rounds">Rounds that are measured.</param>
    /// <remarks>
    /// The runtime gives a thread a buffer at a time to allocate from. A collection, which any other test may cause, closes that buffer,
    /// and what was left of it, up to 8 KiB, counts as allocated. Code that allocates does so in every round.
    /// </remarks>
    public static long OfWarm(Action round, int rounds = 5)
    {
        round();
        return Enumerable.Range(0, rounds).Min(_ => Of(round));
    }

    private static long Of(Action round)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        round();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
