using Fathom.Storage.Chains;

namespace Fathom.Storage.Uring;

/// <summary>A place for one chain in a loop; used again and again. Owned by its loop.</summary>
internal sealed class UringSeat
{
    /// <summary>The chain that sits here.</summary>
    public Chain Chain { get; } = new();

    /// <summary>Whether a chain sits here.</summary>
    public bool IsTaken { get; set; }

    /// <summary>The chain's number in its caller's batch.</summary>
    public int Index { get; set; }

    /// <summary>The call to complete, for a chain that came from another thread.</summary>
    public ChainCall? Call { get; set; }

    /// <summary>The file that the chain reads.</summary>
    public LoopFile? File { get; set; }

    /// <summary>Reads of this chain that are with the kernel.</summary>
    public int InFlight { get; set; }

    /// <summary>Whether a token can end the chain while it waits.</summary>
    public bool IsCancellable { get; set; }

    /// <summary>Whether it stands in the queue of chains with reads to issue.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Whether it stands in the list of chains with a completed read.</summary>
    public bool IsReady { get; set; }
}
