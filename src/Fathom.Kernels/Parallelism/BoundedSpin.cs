using System.Diagnostics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.Parallelism;

/// <summary>Busy waiting with an end.</summary>
internal struct BoundedSpin
{
    private const int PausesPerLook = 16;

    private readonly long _untilTicks;
    private int _pauses;

    public BoundedSpin(int microseconds) =>
        _untilTicks = Stopwatch.GetTimestamp() + microseconds * Stopwatch.Frequency / 1_000_000;

    /// <summary>Waits some tens of cycles; false when the time is up.</summary>
    public bool Once()
    {
        if (X86Base.IsSupported)
            X86Base.Pause();
        else
            Thread.SpinWait(1);
        return ++_pauses % PausesPerLook != 0 || Stopwatch.GetTimestamp() < _untilTicks;
    }
}
