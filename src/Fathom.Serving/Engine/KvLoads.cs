using Fathom.Serving.KvCache;
using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Engine;

/// <summary>Brings what sequences begin with from the tiers, and offers the tiers what was computed.</summary>
/// <remarks>
/// A load begins on the thread that submits, so that it is on its way while the loop computes; all else is the loop thread's. A
/// sequence belongs to the thread that calls; the end of its load reaches the loop through the inbox.
/// </remarks>
internal sealed class KvLoads(IKvTiers tiers, KvBlockPool pool, IModelExecutor executor, EngineInbox inbox)
{
    private const double Smoothing = 0.2;
    private const int PromptTokensMin = 64;

    private double _blockSeconds;

    /// <summary>Begins to load what the sequence needs and the engine lacks; it is then <see cref="SequenceState.Loading"/>.</summary>
    /// <returns>False when there is nothing to wait for.</returns>
    public bool Begin(Sequence sequence)
    {
        // As with the prefix cache, the last token is always computed: somebody wants its logits.
        int blocks = (sequence.Total - 1) / KvBlockPool.BlockTokens;
        if (blocks == 0 || sequence.WantsPromptLogits)
            return false;
        UInt128[] chain = sequence.Chain(blocks);
        int known = pool.CountPrefix(chain);
        if (known == blocks || tiers.Load(chain, known, Volatile.Read(ref _blockSeconds)) is not { } load)
            return false;
        sequence.Load = load;
        if (load.Completion.IsCompleted)
            return false;
        sequence.State = SequenceState.Loading;
        load.Completion.ContinueWith(
            static (_, state) => (((EngineInbox, Sequence))state!).Item1.PostLoaded((((EngineInbox, Sequence))state!).Item2),
            (inbox, sequence), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return true;
    }

    /// <summary>Offers blocks whose content is complete.</summary>
    public void Store(ReadOnlySpan<StorableBlock> blocks)
    {
        foreach (ref readonly StorableBlock block in blocks)
        {
            Span<byte> content = tiers.BeginStore(block.Name.Value, block.Parent.Value, block.Depth);
            if (content.IsEmpty)
                continue;
            executor.ReadBlock(block.Block, content);
            tiers.EndStore();
        }
    }

    /// <summary>Blocks of a plan have been taken over: the tiers' memory goes back.</summary>
    public static void End(ReadOnlySpan<TakenLoad> loads)
    {
        foreach (ref readonly TakenLoad taken in loads)
        {
            taken.Load.CountUse(taken.Blocks);
            taken.Load.Dispose();
        }
    }

    /// <summary>Learns what computing prompts costs.</summary>
    /// <param name="plan">An iteration that ran.</param>
    /// <param name="seconds">How long.</param>
    public void Learn(IterationPlan plan, double seconds)
    {
        // One token of many sequences costs more than many tokens of one: only prompts tell what a prompt costs.
        if (plan.TokenCount < PromptTokensMin || plan.TokenCount < 4 * plan.Entries.Length)
            return;
        double block = seconds / plan.TokenCount * KvBlockPool.BlockTokens;
        Volatile.Write(ref _blockSeconds, _blockSeconds == 0 ? block : _blockSeconds + (Smoothing * (block - _blockSeconds)));
    }
}
