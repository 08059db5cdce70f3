using Fathom.FarMemory.Identity;
using Fathom.Memory;

namespace Fathom.FarMemory.Pool;

/// <summary>
/// Far memory as the heap and the block store see it: immutable spans, written in sets and read one by one. The hosted pool works on
/// real nodes, the in-process one on memory of this process, the simulated one under faults.
/// </summary>
/// <remarks>Any thread may call any member. No wait outlasts its deadline.</remarks>
public interface IFarPool
{
    /// <summary>How many spans share a set: hand over as many where possible (4 for EC-Batch 4+2, 1 for schemes that code each span alone).</summary>
    int SpansPerSet { get; }

    /// <summary>Counts since the pool opened.</summary>
    PoolCounters Counters { get; }

    /// <summary>
    /// Writes a set of spans of one size. Completes when every node of the set acknowledged its fragment, or with a status that says
    /// that nothing was kept. <paramref name="ids"/> receives the new span ids in order, valid only if it is written.
    /// </summary>
    /// <param name="spans">1 to <see cref="SpansPerSet"/> images of equal length; their memory stays unchanged until completion.</param>
    /// <param name="ids">At least as long as <paramref name="spans"/>.</param>
    /// <param name="timeout">Upper bound of the whole write, retries included.</param>
    /// <param name="cancellation">Gives up early; the outcome is then <see cref="WriteStatus.Cancelled"/>.</param>
    ValueTask<WriteOutcome> WriteSpanSetAsync(
        ReadOnlyMemory<SpanImage> spans, Memory<SpanId> ids, TimeSpan timeout, CancellationToken cancellation = default);

    /// <summary>
    /// Reads a span: one one-sided read when its node is well; decoded from other fragments when it is slow, gone or wrong.
    /// </summary>
    /// <param name="span">A span that was written and not released.</param>
    /// <param name="destination">At least as long as the span; undefined content unless the outcome is read.</param>
    /// <param name="timeout">Upper bound of the whole read.</param>
    /// <param name="cancellation">Gives up early; <paramref name="destination"/> is not written after completion.</param>
    /// <remarks>Allocates nothing when the pool's pooled sources suffice. Await the value task once.</remarks>
    ValueTask<ReadOutcome> ReadSpanAsync(SpanId span, NativeView destination, TimeSpan timeout, CancellationToken cancellation = default);

    /// <summary>The same read, blocking the calling thread.</summary>
    ReadOutcome ReadSpan(SpanId span, NativeView destination, TimeSpan timeout);

    /// <summary>
    /// The span's far bytes are dead. They stay members of their code word until compaction commits or the whole set is dead, so this
    /// never waits. Releasing an unknown span changes nothing.
    /// </summary>
    void Release(SpanId span);
}
