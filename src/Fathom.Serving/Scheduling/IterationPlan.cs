using System.Runtime.InteropServices;
using Fathom.Models.Execution;
using Fathom.Serving.KvCache;

namespace Fathom.Serving.Scheduling;

/// <summary>One sequence's part of an iteration.</summary>
/// <param name="Sequence">The sequence.</param>
/// <param name="FirstPosition">Position of its first token to compute.</param>
/// <param name="TokenCount">Tokens to compute; at least 1.</param>
/// <param name="Rows">Which of them give logits.</param>
internal readonly record struct PlannedSequence(Sequence Sequence, int FirstPosition, int TokenCount, LogitRows Rows);

/// <summary>A block to copy before the iteration runs, in the order of the list.</summary>
internal readonly record struct BlockCopy(BlockId From, BlockId To);

/// <summary>A block that came from the tiers, to write after the copies and before the iteration runs.</summary>
/// <param name="Load">Has the bytes.</param>
/// <param name="Index">Which of its blocks.</param>
/// <param name="To">Where they go.</param>
internal readonly record struct BlockImport(IKvLoad Load, int Index, BlockId To);

/// <summary>A load that a sequence has taken its blocks from.</summary>
internal readonly record struct TakenLoad(IKvLoad Load, int Blocks);

/// <summary>A full block that the tiers may want.</summary>
internal readonly record struct StorableBlock(BlockId Block, PrefixHash Name, PrefixHash Parent, int Depth);

/// <summary>A place where an iteration gives a token: the host draws it and says whether the sequence ends.</summary>
internal struct TokenDraw
{
    /// <summary>Whose next token it is.</summary>
    public required Sequence Sequence { get; init; }

    /// <summary>Index of its entry in <see cref="IterationPlan.Entries"/>; its last logits are the token's distribution.</summary>
    public required int Entry { get; init; }

    /// <summary>Set by the host: the drawn token.</summary>
    public int Token { get; set; }

    /// <summary>Set by the host: the sequence ends with this token.</summary>
    public bool Ends { get; set; }
}

/// <summary>What one iteration computes. Filled by <see cref="Scheduler"/>, carried out by its host; reused.</summary>
internal sealed class IterationPlan
{
    private readonly List<PlannedSequence> _entries = [];
    private readonly List<BlockCopy> _copies = [];
    private readonly List<TokenDraw> _draws = [];
    private readonly List<BlockImport> _imports = [];
    private readonly List<TakenLoad> _loads = [];
    private readonly List<StorableBlock> _departing = [];
    private readonly List<StorableBlock> _filled = [];

    /// <summary>The sequences of the batch.</summary>
    public ReadOnlySpan<PlannedSequence> Entries => CollectionsMarshal.AsSpan(_entries);

    /// <summary>Blocks to copy first.</summary>
    public ReadOnlySpan<BlockCopy> Copies => CollectionsMarshal.AsSpan(_copies);

    /// <summary>Blocks to write with what came from the tiers, after the copies.</summary>
    public ReadOnlySpan<BlockImport> Imports => CollectionsMarshal.AsSpan(_imports);

    /// <summary>The loads of those blocks, and of sequences that needed none of theirs; the host's to end once the imports are done.</summary>
    public ReadOnlySpan<TakenLoad> Loads => CollectionsMarshal.AsSpan(_loads);

    /// <summary>Blocks of preempted sequences; their content is there until the plan runs.</summary>
    public ReadOnlySpan<StorableBlock> Departing => CollectionsMarshal.AsSpan(_departing);

    /// <summary>Blocks that became full, after <see cref="Scheduler.Collect"/>; their content is there until the next plan runs.</summary>
    public ReadOnlySpan<StorableBlock> Filled => CollectionsMarshal.AsSpan(_filled);

    /// <summary>Tokens to draw, after <see cref="Scheduler.Collect"/>.</summary>
    public Span<TokenDraw> Draws => CollectionsMarshal.AsSpan(_draws);

    /// <summary>Tokens that the iteration computes.</summary>
    public int TokenCount { get; private set; }

    /// <summary>Prompt tokens among them whose logits are wanted.</summary>
    public int PromptLogitRows { get; private set; }

    /// <summary>It is with its host: scheduled and not completed.</summary>
    public bool IsInFlight { get; set; }

    public void Clear()
    {
        _entries.Clear();
        _copies.Clear();
        _draws.Clear();
        _imports.Clear();
        _loads.Clear();
        _departing.Clear();
        _filled.Clear();
        TokenCount = 0;
        PromptLogitRows = 0;
    }

    public void Add(Sequence sequence, int tokenCount)
    {
        bool prompt = sequence.WantsPromptLogits && sequence.Computed < sequence.Group.PromptTokens;
        LogitRows rows = prompt ? LogitRows.All : tokenCount == sequence.Remaining ? LogitRows.Last : LogitRows.None;
        _entries.Add(new PlannedSequence(sequence, sequence.Computed, tokenCount, rows));
        TokenCount += tokenCount;
        PromptLogitRows += prompt ? tokenCount : 0;
    }

    public void AddCopy(BlockId from, BlockId to) => _copies.Add(new BlockCopy(from, to));

    public void AddImport(IKvLoad load, int index, BlockId to) => _imports.Add(new BlockImport(load, index, to));

    public void AddLoad(IKvLoad load, int blocks) => _loads.Add(new TakenLoad(load, blocks));

    public void AddDeparting(Sequence sequence, int index) => _departing.Add(Storable(sequence, index));

    public void AddFilled(Sequence sequence, int index) => _filled.Add(Storable(sequence, index));

    public void AddDraw(Sequence sequence, int entry) => _draws.Add(new TokenDraw { Sequence = sequence, Entry = entry });

    private static StorableBlock Storable(Sequence sequence, int index) => new(
        new BlockId(sequence.Blocks[index]), sequence.HashOf(index), index == 0 ? sequence.Group.Root : sequence.HashOf(index - 1), index);
}
