namespace Fathom.Tiering.BlockLog;

/// <summary>Counts calls under way, so that what they use is taken away only after the last of them.</summary>
/// <remarks>Any thread may call any member.</remarks>
internal sealed class CallGate
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _calls;
    private bool _isClosed;

    /// <summary>Begins a call; false once the gate is closed.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_isClosed)
                return false;
            _calls++;
            return true;
        }
    }

    /// <summary>Ends a call.</summary>
    public void Exit()
    {
        lock (_lock)
        {
            if (--_calls == 0 && _isClosed)
                _drained.SetResult();
        }
    }

    /// <summary>Lets nobody in any more and waits for those inside.</summary>
    /// <returns>False when it was closed before.</returns>
    public async Task<bool> CloseAsync()
    {
        lock (_lock)
        {
            if (_isClosed)
                return false;
            _isClosed = true;
            if (_calls == 0)
                _drained.SetResult();
        }
        await _drained.Task;
        return true;
    }
}
