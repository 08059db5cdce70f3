using Fathom.Storage.Chains;

namespace Fathom.Storage.Uring;

/// <summary>A seat of a loop that runs the steps itself.</summary>
internal sealed class UringSeat : RingSeat
{
    /// <summary>The chain that sits here.</summary>
    public Chain Chain { get; } = new();

    /// <inheritdoc/>
    public override ref readonly ChainResult Result => ref Chain.Result;

    /// <summary>The file that the chain reads.</summary>
    public LoopFile? File { get; set; }

    /// <summary>Reads of this chain that are with the kernel.</summary>
    public int InFlight { get; set; }

    /// <summary>Whether it stands in the queue of chains with reads to issue.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Whether it stands in the list of chains with a completed read.</summary>
    public bool IsReady { get; set; }
}
