namespace Fathom.Kernels.Attention;

/// <summary>One worker's step of attention: some query rows of one head group against a run of pieces.</summary>
/// <param name="Sequence">Index of the sequence in the batch.</param>
/// <param name="KvHead">Key-value head; the rows are the query heads that share it.</param>
/// <param name="FirstToken">First token of the tile, counted from the sequence's first new token.</param>
/// <param name="Tokens">Tokens of the tile.</param>
/// <param name="PieceBegin">First piece.</param>
/// <param name="PieceEnd">One past the last piece.</param>
/// <param name="Split">Index of the tile's <see cref="SplitTile"/>, or -1 when this item has all its pieces.</param>
internal readonly record struct AttentionItem(
    int Sequence, int KvHead, int FirstToken, int Tokens, int PieceBegin, int PieceEnd, int Split);

/// <summary>A tile whose pieces several items share; the last to finish merges them.</summary>
internal struct SplitTile
{
    /// <summary>Items still to finish. The one that makes it 0 merges, and sets it back for the next layer.</summary>
    public int Remaining;

    public int Items;
    public int PieceBegin;
    public int PieceEnd;

    /// <summary>Floats from the start of the partials to this tile's.</summary>
    public long PartialStart;
}

/// <summary>The work list of attention over one batch, the same for every layer with the same window.</summary>
/// <remarks>
/// How a tile's pieces are shared out depends on the number of threads, and may: each piece is reduced on its own and
/// pieces merge in ascending order wherever they were computed, so the split changes no bit of the result.
/// </remarks>
internal sealed class AttentionPlan
{
    /// <summary>Positions in a piece: what is reduced in one go, at fixed absolute alignment.</summary>
    public const int PieceTokens = 256;

    /// <summary>Floats from one query row's scores to the next: a piece, and a cache line so that rows fall into different sets.</summary>
    public const int ScoreStride = PieceTokens + 16;

    /// <summary>Most query rows in a tile, unless one token's head group alone is larger.</summary>
    public const int TileRows = 32;

    // Bounds what partial results may take; past it tiles stay whole.
    private const long PartialFloatsMax = 8L << 20;

    private readonly int _group;
    private readonly int _kvHeads;
    private readonly KvLayout _layout;
    private readonly int _threads;
    private AttentionItem[] _items = new AttentionItem[64];
    private SplitTile[] _splits = new SplitTile[16];
    private int _itemCount;
    private int _splitCount;

    public AttentionPlan(int group, int kvHeads, in KvLayout layout, int threads)
    {
        _group = group;
        _kvHeads = kvHeads;
        _layout = layout;
        _threads = threads;
        TileTokens = Math.Max(1, TileRows / group);
    }

    /// <summary>Most tokens in a tile.</summary>
    public int TileTokens { get; }

    public ReadOnlySpan<AttentionItem> Items => _items.AsSpan(0, _itemCount);

    public Span<SplitTile> Splits => _splits.AsSpan(0, _splitCount);

    /// <summary>Floats that the partial results of all split tiles need.</summary>
    public long PartialFloats { get; private set; }

    /// <summary>Makes the work list.</summary>
    public void Build(ReadOnlySpan<AttentionSequence> sequences, in AttentionOptions options)
    {
        _itemCount = 0;
        _splitCount = 0;
        PartialFloats = 0;
        var cost = 0L;
        foreach (ref readonly var sequence in sequences)
        {
            for (var first = 0; first < sequence.TokenCount; first += TileTokens)
                cost += Cost(TileSpan(sequence, first, options), Math.Min(TileTokens, sequence.TokenCount - first)) * _kvHeads;
        }
        // About eight items for each thread even out what the last one waits for. One thread needs no splits.
        var target = _threads == 1 ? long.MaxValue : Math.Max(1, cost / (8 * _threads));

        for (var s = 0; s < sequences.Length; s++)
        {
            ref readonly var sequence = ref sequences[s];
            // Longest tiles first; a head's tiles stand together because they read the same keys and values.
            var lastTile = (sequence.TokenCount - 1) / TileTokens;
            for (var head = 0; head < _kvHeads; head++)
            {
                for (var tile = lastTile; tile >= 0; tile--)
                    AddTile(s, sequence, head, tile * TileTokens, options, target);
            }
        }
    }

    /// <summary>Positions that the token at <paramref name="token"/> of the sequence's new ones sees.</summary>
    public static (int Low, int High) Visible(in AttentionSequence sequence, int token, in AttentionOptions options)
    {
        var position = sequence.FirstPosition + token;
        var low = options.SlidingWindow > 0 ? Math.Max(0, position - options.SlidingWindow + 1) : 0;
        return (low, options.Bidirectional ? sequence.FirstPosition + sequence.TokenCount : position + 1);
    }

    private (int Low, int High) TileSpan(in AttentionSequence sequence, int first, in AttentionOptions options)
    {
        var last = Math.Min(first + TileTokens, sequence.TokenCount) - 1;
        return (Visible(sequence, first, options).Low, Visible(sequence, last, options).High);
    }

    // Below four rows a tile takes the time that its keys and values take to arrive.
    private long Cost((int Low, int High) span, int tokens) => (long)(span.High - span.Low) * Math.Max(4, tokens * _group);

    private void AddTile(int s, in AttentionSequence sequence, int head, int first, in AttentionOptions options, long target)
    {
        var tokens = Math.Min(TileTokens, sequence.TokenCount - first);
        var span = TileSpan(sequence, first, options);
        var begin = span.Low / PieceTokens;
        var end = (span.High - 1) / PieceTokens + 1;
        var partialFloats = (long)(end - begin) * TileResult.Floats(tokens * _group, _layout);
        var parts = (int)Math.Min(end - begin, Cost(span, tokens) / target);
        if (parts <= 1 || PartialFloats + partialFloats > PartialFloatsMax)
        {
            Add(ref _items, ref _itemCount, new AttentionItem(s, head, first, tokens, begin, end, -1));
            return;
        }
        var step = (end - begin + parts - 1) / parts;
        var items = (end - begin + step - 1) / step;
        for (var piece = begin; piece < end; piece += step)
        {
            Add(ref _items, ref _itemCount,
                new AttentionItem(s, head, first, tokens, piece, Math.Min(end, piece + step), _splitCount));
        }
        Add(ref _splits, ref _splitCount, new SplitTile
        {
            Remaining = items,
            Items = items,
            PieceBegin = begin,
            PieceEnd = end,
            PartialStart = PartialFloats,
        });
        PartialFloats += partialFloats;
    }

    private static void Add<T>(ref T[] array, ref int count, in T value)
    {
        if (count == array.Length)
            Array.Resize(ref array, checked(2 * count));
        array[count++] = value;
    }
}
