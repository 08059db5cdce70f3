using Fathom.FarMemory.Transports;

namespace Fathom.FarMemory.SpanSets;

/// <summary>Something a pool has under way: a read, a swap-out, a compaction, a rebuild, a probe.</summary>
/// <remarks>Owned by the pool's state machine; steps only inside a step of that machine.</remarks>
internal abstract class PoolOperation
{
    /// <summary>When <see cref="OnTimer"/> is due; 0 when never.</summary>
    public long TimerDueUs { get; set; }

    /// <summary>A request of this operation has its answer, or will have none.</summary>
    public abstract void OnReply(NodeRequest request, in NodeReply reply);

    /// <summary>The time set by <see cref="PoolCore.Arm"/> has come.</summary>
    public virtual void OnTimer()
    {
    }

    /// <summary>The host has computed a sum of fragments.</summary>
    public virtual void OnCombined(CombineWork work, uint checksum)
    {
    }
}
