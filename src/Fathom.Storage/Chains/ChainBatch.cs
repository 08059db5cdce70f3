namespace Fathom.Storage.Chains;

/// <summary>The calls of one blocking caller that are under way; the caller waits here for the next that completes.</summary>
/// <remarks>Rented by one caller at a time; the engine's threads add to it. Its own monitor guards the list.</remarks>
internal sealed class ChainBatch
{
    private readonly Stack<ChainCall> _complete = new();

    /// <summary>Called by the engine's thread.</summary>
    public void Add(ChainCall call)
    {
        lock (_complete)
        {
            _complete.Push(call);
            Monitor.Pulse(_complete);
        }
    }

    /// <summary>Takes a completed call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="wait">Whether to wait for one; then the result is always true.</param>
    public bool TryTake(out ChainCall call, bool wait)
    {
        lock (_complete)
        {
            while (!_complete.TryPop(out call!))
            {
                if (!wait)
                    return false;
                Monitor.Wait(_complete);
            }
            return true;
        }
    }
}
