namespace Fathom.FarMemory.SpanSets;

/// <summary>
/// How many reads may start a second way: a share of all reads, with a burst for a node that has just become slow. When everything
/// is slow, because the machine or its network has more to do than it can, second ways would only add to that.
/// </summary>
/// <remarks>Owned by the pool's state machine.</remarks>
internal sealed class HedgeBudget
{
    private const double Share = 0.1;
    private const double BurstMax = 64;

    private double _left = BurstMax;

    /// <summary>A span was read.</summary>
    public void Earn() => _left = Math.Min(BurstMax, _left + Share);

    public bool TryTake()
    {
        if (_left < 1)
            return false;
        _left--;
        return true;
    }
}
