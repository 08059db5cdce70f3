namespace Fathom.Tiering.Loads;

/// <summary>Whether a tier is asked at all: not after failures in a row, then one question at growing intervals until it answers.</summary>
/// <remarks>Synchronous and without a clock. Any thread; one lock.</remarks>
internal sealed class TierCircuit
{
    private readonly int _failuresMax;
    private readonly TimeSpan _pauseMin;
    private readonly TimeSpan _pauseMax;
    private readonly Lock _lock = new();
    private int _failures;
    private TimeSpan _pause;
    private DateTimeOffset _askAgain;

    public TierCircuit(int failuresMax, TimeSpan pauseMin, TimeSpan pauseMax)
    {
        _failuresMax = failuresMax;
        _pauseMin = pauseMin;
        _pauseMax = pauseMax;
        _pause = pauseMin;
    }

    /// <summary>Failures in a row have stopped questions, probes aside.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_lock)
                return _failures >= _failuresMax;
        }
    }

    /// <summary>Whether a question may be asked now. A probe that is let through moves the next one into the future.</summary>
    public bool Allows(DateTimeOffset now)
    {
        lock (_lock)
        {
            if (_failures < _failuresMax)
                return true;
            if (now < _askAgain)
                return false;
            _askAgain = now + _pause;
            return true;
        }
    }

    /// <summary>The tier answered.</summary>
    /// <returns>True when that ended a pause.</returns>
    public bool Succeeded()
    {
        lock (_lock)
        {
            var wasOpen = _failures >= _failuresMax;
            _failures = 0;
            _pause = _pauseMin;
            return wasOpen;
        }
    }

    /// <summary>The tier failed or did not answer in time.</summary>
    /// <returns>True when that began a pause.</returns>
    public bool Failed(DateTimeOffset now)
    {
        lock (_lock)
        {
            if (++_failures < _failuresMax)
                return false;
            var isProbe = _failures > _failuresMax;
            _failures = _failuresMax;
            if (isProbe)
                _pause = _pause * 2 < _pauseMax ? _pause * 2 : _pauseMax;
            _askAgain = now + _pause;
            return !isProbe;
        }
    }
}
