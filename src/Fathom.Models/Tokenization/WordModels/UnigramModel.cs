using System.Text;

namespace Fathom.Models.Tokenization.WordModels;

/// <summary>Unigram language model: of all ways to cut a piece into tokens, the one with the highest sum of scores (Viterbi).</summary>
/// <remarks>Immutable. Source: sentencepiece, unigram_model.cc, EncodeOptimized.</remarks>
internal sealed class UnigramModel : IWordModel
{
    private const double UnknownPenalty = 10;
    private readonly PrefixIndex _index;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idOf;
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly int? _unknown;
    private readonly int[]? _byteTokens;

    /// <param name="ids">Pieces with their ids.</param>
    /// <param name="scores">Score of each id.</param>
    /// <param name="unknown">Token of letters that no piece has; null leaves them out.</param>
    /// <param name="byteTokens">For each byte its token or -1; null when unknown letters do not fall back to bytes.</param>
    public UnigramModel(Dictionary<string, int> ids, double[] scores, int? unknown, int[]? byteTokens)
    {
        _index = new PrefixIndex(ids.Where(e => e.Key.Length > 0));
        _idOf = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _scores = scores;
        _unknown = unknown;
        _unknownScore = (scores.Length == 0 ? 0 : scores.Min()) - UnknownPenalty;
        _byteTokens = byteTokens;
    }

    /// <inheritdoc/>
    /// <remarks>Sums of scores are rounded; cutting elsewhere could round a tie the other way.</remarks>
    public bool SplitsAtMetaspace => false;

    /// <summary>The best way to reach an end: its score, where its last token begins, and that token (-1: unknown).</summary>
    private record struct Best(double Score, int Start, int Id);

    /// <inheritdoc/>
    public void Encode(ReadOnlySpan<char> word, EncodeScratch scratch, List<int> output)
    {
        var best = new Best[word.Length + 1];
        Array.Fill(best, new Best(0, -1, -1));
        for (var at = 0; at < word.Length;)
        {
            Rune.DecodeFromUtf16(word[at..], out _, out var units);
            var soFar = best[at].Score;
            var single = false;
            var walk = _index.At(word, at);
            while (walk.MoveNext())
            {
                Improve(ref best[at + walk.Length], soFar + _scores[walk.Value], at, walk.Value);
                single |= walk.Length == units;
            }

            if (!single)
                Improve(ref best[at + units], soFar + _unknownScore, at, -1);
            at += units;
        }

        Emit(word, best, output);
    }

    private static void Improve(ref Best end, double score, int start, int id)
    {
        if (end.Start < 0 || score > end.Score)
            end = new Best(score, start, id);
    }

    private void Emit(ReadOnlySpan<char> word, Best[] best, List<int> output)
    {
        var cuts = new List<(int Start, int End)>();
        for (var end = word.Length; end > 0; end = best[end].Start)
        {
            // Neighbouring unknown letters are one piece.
            var unknown = best[end].Id < 0 || best[end].Id == _unknown;
            if (unknown && cuts.Count > 0 && cuts[^1].Start == end && IsUnknown(best[cuts[^1].End]))
                cuts[^1] = (best[end].Start, cuts[^1].End);
            else
                cuts.Add((best[end].Start, end));
        }

        for (var i = cuts.Count - 1; i >= 0; i--)
            EmitPiece(word[cuts[i].Start..cuts[i].End], output);

        bool IsUnknown(Best last) => last.Id < 0 || last.Id == _unknown;
    }

    private void EmitPiece(ReadOnlySpan<char> piece, List<int> output)
    {
        if (_idOf.TryGetValue(piece, out var id))
        {
            output.Add(id);
            return;
        }

        if (_byteTokens is not null)
        {
            var bytes = new byte[Encoding.UTF8.GetByteCount(piece)];
            Encoding.UTF8.GetBytes(piece, bytes);
            if (bytes.All(b => _byteTokens[b] >= 0))
            {
                output.AddRange(bytes.Select(b => _byteTokens[b]));
                return;
            }
        }

        if (_unknown is { } unknown)
            output.Add(unknown);
    }
}
