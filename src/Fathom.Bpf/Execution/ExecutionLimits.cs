namespace Fathom.Bpf.Execution;

/// <summary>What one run may spend.</summary>
/// <param name="FuelMax">Backward jumps and local calls together.</param>
/// <param name="CallDepthMax">Frames of a run, the program's own included; 1 to 8.</param>
public readonly record struct ExecutionLimits(long FuelMax, int CallDepthMax)
{
    /// <summary>Bytes of stack that a frame has below R10.</summary>
    public const int FrameBytes = 512;

    /// <summary>Frames that no run exceeds.</summary>
    public const int FramesMax = 8;

    /// <summary>A million backward jumps and calls; eight frames.</summary>
    public static ExecutionLimits Default { get; } = new(1_000_000, FramesMax);
}
