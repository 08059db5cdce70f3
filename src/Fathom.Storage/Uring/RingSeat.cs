using Fathom.Storage.Chains;

namespace Fathom.Storage.Uring;

/// <summary>A place for one chain in a loop; used again and again. Owned by its loop.</summary>
internal abstract class RingSeat
{
    /// <summary>Whether a chain sits here.</summary>
    public bool IsTaken { get; set; }

    /// <summary>The chain's number in its caller's batch.</summary>
    public int Index { get; set; }

    /// <summary>The call to complete, for a chain that came from another thread.</summary>
    public ChainCall? Call { get; set; }

    /// <summary>Whether a token can end the chain while it waits.</summary>
    public bool IsCancellable { get; set; }

    /// <summary>How the chain ended, once it has.</summary>
    public abstract ref readonly ChainResult Result { get; }
}
