using Fathom.Kernels.Parallelism;

namespace Fathom.Models.Execution;

/// <summary>How <see cref="TransformerModel.Load"/> loads.</summary>
public sealed record ModelLoadOptions
{
    /// <summary>Compute threads, the caller's included; 0 = one per processor. Not used when <see cref="Pool"/> is given.</summary>
    public int Threads { get; init; }

    /// <summary>Threads to share with other models that never run at the same time; the giver keeps it alive and owns it.</summary>
    public ComputePool? Pool { get; init; }

    /// <summary>
    /// Longest context that will be served; 0 = the model's own. Models with two sets of rotary factors (longrope) use the
    /// long set when this exceeds their original context.
    /// </summary>
    public int ContextLength { get; init; }

    /// <summary>
    /// Keeps packed weights in a file beside a .gguf model (its name and ".packed", about the model's size), and maps them at the next
    /// start: ready at once, and processes that serve the same model share the memory.
    /// </summary>
    public bool KeepsPacked { get; init; }

    /// <summary>Told the fraction of the weights that are ready, from 0 to 1, on the loading thread.</summary>
    public Action<double>? Progress { get; init; }
}
