using Fathom.Kernels.Parallelism;

namespace Fathom.Kernels.Attention;

/// <summary>One layer's attention as parallel work over the items of an <see cref="AttentionPlan"/>.</summary>
/// <remarks>
/// For one query row the arithmetic is fixed: each piece of 256 positions gives (outputs, max, sum) on its own, and the
/// pieces merge in ascending order. Tiles, splits and workers only decide who does it.
/// </remarks>
internal readonly unsafe ref struct AttentionWork<TArithmetic> : IParallelWork
    where TArithmetic : struct, IAttentionArithmetic
{
    // How far ahead of the arithmetic memory is asked for: a head's tiles are too short and too far apart for the hardware to
    // follow.
    private const int BlocksAhead = 4;

    public required KvStorage Kv { get; init; }

    public required int Layer { get; init; }

    public required AttentionOptions Options { get; init; }

    public required int Heads { get; init; }

    public required ReadOnlySpan<AttentionSequence> Sequences { get; init; }

    public required ReadOnlySpan<int> BlockTables { get; init; }

    public required ReadOnlySpan<AttentionItem> Items { get; init; }

    public required Span<SplitTile> Splits { get; init; }

    /// <summary>Queries [tokens, heads, headDim].</summary>
    public required float* Queries { get; init; }

    /// <summary>Outputs [tokens, heads, headDim].</summary>
    public required float* Outputs { get; init; }

    /// <summary>Partial results of split tiles.</summary>
    public required float* Partials { get; init; }

    /// <summary>Scratch of all workers.</summary>
    public required byte* Scratch { get; init; }

    public required int ScratchBytes { get; init; }

    public required int TileRows { get; init; }

    private bool Lowered => TArithmetic.ReadsHalvesLowered && Kv.Type == KvType.F16;

    private int Group => Heads / Kv.KvHeads;

    /// <inheritdoc/>
    public void Execute(int begin, int end, int worker)
    {
        // SAFETY: each worker has its own ScratchBytes of the scratch memory.
        var scratch = new AttentionScratch(Scratch + (long)worker * ScratchBytes, TileRows, Kv.Layout);
        for (var i = begin; i < end; i++)
            ExecuteItem(Items[i], scratch);
    }

    private void ExecuteItem(in AttentionItem item, in AttentionScratch scratch)
    {
        GatherQueries(item, scratch.Queries);
        var rows = item.Tokens * Group;
        if (item.Split < 0)
        {
            var total = new TileResult(scratch.Total, rows, Kv.Layout);
            for (var piece = item.PieceBegin; piece < item.PieceEnd; piece++)
            {
                // The first piece is the total so far.
                var result = piece == item.PieceBegin ? total : new TileResult(scratch.Piece, rows, Kv.Layout);
                ReducePiece(item, piece, scratch, result);
                if (piece > item.PieceBegin)
                    total.Merge<TArithmetic>(result);
            }
            WriteOutputs(item, total);
            return;
        }

        ref var split = ref Splits[item.Split];
        for (var piece = item.PieceBegin; piece < item.PieceEnd; piece++)
            ReducePiece(item, piece, scratch, Partial(split, piece, rows));
        // The decrement is a full fence: the last to arrive sees every other item's partials.
        if (Interlocked.Decrement(ref split.Remaining) > 0)
            return;
        split.Remaining = split.Items;
        var merged = Partial(split, split.PieceBegin, rows);
        for (var piece = split.PieceBegin + 1; piece < split.PieceEnd; piece++)
            merged.Merge<TArithmetic>(Partial(split, piece, rows));
        WriteOutputs(item, merged);
    }

    private TileResult Partial(in SplitTile split, int piece, int rows) =>
        // SAFETY: the plan counted these floats for each piece of the tile.
        new(Partials + split.PartialStart + (long)(piece - split.PieceBegin) * TileResult.Floats(rows, Kv.Layout), rows, Kv.Layout);

    /// <summary>Query rows of the tile: token-major, then the heads that share the key-value head.</summary>
    private void GatherQueries(in AttentionItem item, float* target)
    {
        var dims = Kv.HeadDim;
        var groupFloats = Group * dims;
        var first = Sequences[item.Sequence].TokenStart + item.FirstToken;
        for (var t = 0; t < item.Tokens; t++)
        {
            // SAFETY: the plan's tokens and heads are inside the batch, whose size the caller checked.
            var source = Queries + ((long)(first + t) * Heads + item.KvHead * Group) * dims;
            TArithmetic.Scale(source, Lowered ? HalfLanes.Lift : 1, target + t * groupFloats, groupFloats);
        }
    }

    /// <summary>Attention of the tile's rows over one piece, unnormalised, into <paramref name="result"/>.</summary>
    private void ReducePiece(in AttentionItem item, int piece, in AttentionScratch scratch, in TileResult result)
    {
        ref readonly var sequence = ref Sequences[item.Sequence];
        var rows = item.Tokens * Group;
        var pieceStart = piece * AttentionPlan.PieceTokens;
        // What the tile sees of the piece, as places in it.
        var low = Math.Max(0, AttentionPlan.Visible(sequence, item.FirstToken, Options).Low - pieceStart);
        var high = AttentionPlan.Visible(sequence, item.FirstToken + item.Tokens - 1, Options).High - pieceStart;
        high = Math.Min(AttentionPlan.PieceTokens, high);
        var firstBlock = low / KvLayout.BlockTokens;
        var endBlock = (high + KvLayout.BlockTokens - 1) / KvLayout.BlockTokens;
        // The table from the piece on, to the end of the sequence: what follows the piece is prefetched.
        var blocks = BlockTables
            .Slice(sequence.BlockStart, sequence.BlockCount)[(pieceStart / KvLayout.BlockTokens)..];

        for (var b = firstBlock; b < endBlock; b++)
        {
            // Near the end, the values that come next.
            var next = b + BlocksAhead;
            var ahead = next < endBlock
                ? Kv.Tile(Layer, blocks[next], item.KvHead)
                : Kv.Tile(Layer, blocks[Math.Min(firstBlock + next - endBlock, endBlock - 1)], item.KvHead) + Kv.Layout.ValueOffset;
            TArithmetic.Score(
                Kv.Layout, Kv.Tile(Layer, blocks[b], item.KvHead), ahead, scratch.Queries, rows, scratch.Scores + b * KvLayout.BlockTokens,
                scratch.Tile);
        }
        Weigh(item, pieceStart, firstBlock * KvLayout.BlockTokens, endBlock * KvLayout.BlockTokens, scratch.Scores, result);
        result.ClearOutputs();

        // Tokens outside low..high-1 may never have been written: their values are not read.
        for (var b = firstBlock; b < endBlock; b++)
        {
            // Near the end, the next piece's keys.
            var next = b + BlocksAhead;
            var ahead = Kv.Tile(Layer, blocks[Math.Min(next, blocks.Length - 1)], item.KvHead) + (next < endBlock ? Kv.Layout.ValueOffset : 0);
            var start = b * KvLayout.BlockTokens;
            var begin = Math.Max(0, low - start);
            var end = Math.Min(KvLayout.BlockTokens, high - start);
            TArithmetic.Accumulate(
                Kv.Layout, Kv.Tile(Layer, blocks[b], item.KvHead), ahead, begin, end, scratch.Scores + start, rows, result.Outputs, scratch.Tile);
        }
    }

    /// <summary>Scores of places begin..end-1 to weights, row by row.</summary>
    private void Weigh(in AttentionItem item, int pieceStart, int begin, int end, float* scores, in TileResult result)
    {
        var group = Group;
        for (var t = 0; t < item.Tokens; t++)
        {
            var (low, high) = AttentionPlan.Visible(Sequences[item.Sequence], item.FirstToken + t, Options);
            low = Math.Max(begin, low - pieceStart);
            high = Math.Min(end, high - pieceStart);
            for (var r = t * group; r < (t + 1) * group; r++)
            {
                var weighed = TArithmetic.Weigh(
                    scores + r * AttentionPlan.ScoreStride, begin, end, low, high, Options.Scale * (Lowered ? HalfLanes.Lift : 1),
                    Options.SoftCap, Lowered ? HalfLanes.LiftExponent : 0);
                result.Max[r] = weighed.Max;
                result.Sum[r] = weighed.Sum;
            }
        }
    }

    private void WriteOutputs(in AttentionItem item, in TileResult total)
    {
        var dims = Kv.HeadDim;
        var stride = Kv.Layout.ValueStride;
        var first = Sequences[item.Sequence].TokenStart + item.FirstToken;
        for (var r = 0; r < item.Tokens * Group; r++)
        {
            // SAFETY: the same places as the queries of the tile.
            var target = Outputs + ((long)(first + r / Group) * Heads + item.KvHead * Group + r % Group) * dims;
            var source = total.Outputs + r * stride;
            // Lifted weights times lowered values are short of 2^56, the lifted sum is over by as much.
            var factor = Lowered ? HalfLanes.Lift / total.Sum[r] * HalfLanes.Lift : 1 / total.Sum[r];
            TArithmetic.Scale(source, factor, target, dims);
        }
    }
}
