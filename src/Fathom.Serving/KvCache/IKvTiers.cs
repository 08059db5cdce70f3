namespace Fathom.Serving.KvCache;

/// <summary>
/// Memory below an engine's KV blocks, as the engine sees it: full blocks go out by name, and come back by name when a prompt begins
/// with them. A cache: it may forget, refuse, fail and be late, and the engine computes instead.
/// </summary>
/// <remarks>
/// A block's name is a link of a hash chain over tokens that begins at <see cref="Root"/>. Any thread may call <see cref="Load"/>;
/// the engine's loop thread calls the other methods. Nothing here waits, or throws for a tier's sake.
/// </remarks>
public interface IKvTiers
{
    /// <summary>Where chains begin; different for models, number formats or layouts whose blocks must not be mixed.</summary>
    UInt128 Root { get; }

    /// <summary>Begins to bring the blocks of a chain, as many from its beginning on as there are.</summary>
    /// <param name="chain">Names of a prompt's full blocks, in order; unchanged until the load ends.</param>
    /// <param name="first">Leading blocks that the engine has itself; fewer than the chain's.</param>
    /// <param name="recomputeSeconds">What computing one block takes, so that nothing is brought that is faster computed; 0 when not known.</param>
    /// <returns>What is on its way; null when it is known at once that nothing is.</returns>
    IKvLoad? Load(ReadOnlyMemory<UInt128> chain, int first, double recomputeSeconds);

    /// <summary>Offers a full block. When it is wanted, fill the span, then call <see cref="EndStore"/>.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="parent">Name of the block before it, or <see cref="Root"/>.</param>
    /// <param name="depth">Its place in the chain, from 0.</param>
    /// <returns>Where its bytes go; empty when it is not wanted: it is there already, or too many are on their way.</returns>
    Span<byte> BeginStore(UInt128 name, UInt128 parent, int depth);

    /// <summary>The span of the last <see cref="BeginStore"/> is filled.</summary>
    void EndStore();
}

/// <summary>Blocks on their way from the tiers, in memory of the tiers.</summary>
/// <remarks>One thread at a time. Disposing gives the memory back, at any time; what is then still on its way arrives nowhere.</remarks>
public interface IKvLoad : IDisposable
{
    /// <summary>Place in the chain of the first block.</summary>
    int First { get; }

    /// <summary>Blocks that have arrived, from <see cref="First"/> on. Valid once <see cref="Completion"/> has ended.</summary>
    int Blocks { get; }

    /// <summary>Ends, without fault and within a bounded time, when no more is to come.</summary>
    Task Completion { get; }

    /// <summary>Bytes of a block that has arrived; until disposal.</summary>
    /// <param name="index">From 0 to <see cref="Blocks"/>, exclusive.</param>
    ReadOnlySpan<byte> Content(int index);

    /// <summary>The engine took over so many of the blocks: for the tiers' account of what they saved.</summary>
    void CountUse(int blocks);
}
