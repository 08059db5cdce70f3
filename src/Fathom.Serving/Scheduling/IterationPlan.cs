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

    /// <summary>The sequences of the batch.</summary>
    public ReadOnlySpan<PlannedSequence> Entries => CollectionsMarshal.AsSpan(_entries);

    /// <summary>Blocks to copy first.</summary>
    public ReadOnlySpan<BlockCopy> Copies => CollectionsMarshal.AsSpan(_copies);

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

    public void AddDraw(Sequence sequence, int entry) => _draws.Add(new TokenDraw { Sequence = sequence, Entry = entry });
}
