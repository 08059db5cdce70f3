namespace Fathom.Tiering.Loads;

/// <summary>What a tier's fetches cost: seconds a block, averaged exponentially over those that were measured.</summary>
/// <remarks>Any thread; one lock.</remarks>
internal sealed class FetchCost
{
    private const double Smoothing = 0.2;
    private const double Forgetting = 0.9;

    private readonly Lock _lock = new();
    private double _blockSeconds;

    /// <summary>Seconds that a block is expected to take; 0 before the first measurement.</summary>
    public double BlockSeconds
    {
        get
        {
            lock (_lock)
                return _blockSeconds;
        }
    }

    public void Learn(int blocks, double seconds)
    {
        lock (_lock)
            _blockSeconds = _blockSeconds == 0 ? seconds / blocks : _blockSeconds + (Smoothing * ((seconds / blocks) - _blockSeconds));
    }

    /// <summary>Whether bringing a block takes less than computing it.</summary>
    /// <param name="recomputeSeconds">What computing takes; 0 when not known.</param>
    public bool IsWorthwhile(double recomputeSeconds)
    {
        lock (_lock)
        {
            if (recomputeSeconds == 0 || _blockSeconds <= recomputeSeconds)
                return true;
            // A cost that is never measured again would stay for ever what it was on a bad day.
            _blockSeconds *= Forgetting;
            return false;
        }
    }
}
