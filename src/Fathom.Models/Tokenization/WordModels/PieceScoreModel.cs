using System.Runtime.InteropServices;
using System.Text;

namespace Fathom.Models.Tokenization.WordModels;

/// <summary>SentencePiece's BPE: of all neighbours whose text together is a piece, the pair with the highest score merges first.</summary>
/// <remarks>Immutable apart from its cache; any thread.</remarks>
internal sealed class PieceScoreModel : IWordModel
{
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _pieceOf;
    private readonly uint[] _ranks;
    private readonly int[] _byteTokens;
    private readonly int? _unknown;
    private readonly WordCache _cache = new();

    /// <summary>Makes a model.</summary>
    /// <param name="pieces">Pieces that text may become (no control, unknown or byte tokens), with their ids.</param>
    /// <param name="scores">Score of every id; pieces with higher scores merge first.</param>
    /// <param name="byteTokens">For each byte its token, or -1.</param>
    /// <param name="unknown">Token of letters whose bytes have none; null leaves them out.</param>
    public PieceScoreModel(Dictionary<string, int> pieces, ReadOnlySpan<float> scores, int[] byteTokens, int? unknown)
    {
        _pieceOf = pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        _byteTokens = byteTokens;
        _unknown = unknown;
        _ranks = new uint[scores.Length];
        for (var i = 0; i < scores.Length; i++)
            _ranks[i] = RankOf(scores[i]);
        SplitsAtMetaspace = Metaspace.NeverInside(pieces.Keys);
    }

    /// <inheritdoc/>
    public bool SplitsAtMetaspace { get; }

    /// <inheritdoc/>
    public void Encode(ReadOnlySpan<char> word, EncodeScratch scratch, List<int> output)
    {
        if (_cache.TryGet(word, out var known))
        {
            output.AddRange(known);
            return;
        }

        var start = output.Count;
        EncodeAnew(word, scratch.Symbols, output);
        if (word.Length <= WordCache.WordCharsMax)
            _cache.Add(word, CollectionsMarshal.AsSpan(output)[start..]);
    }

    /// <summary>The order of floats reversed, as an unsigned number.</summary>
    private static uint RankOf(float score)
    {
        var bits = BitConverter.SingleToUInt32Bits(score == 0 ? 0f : score);
        var ascending = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
        return ~ascending;
    }

    private void EncodeAnew(ReadOnlySpan<char> word, SymbolChain chain, List<int> output)
    {
        chain.Clear();
        for (var at = 0; at < word.Length;)
        {
            Rune.DecodeFromUtf16(word[at..], out _, out var units);
            chain.Add(_pieceOf.TryGetValue(word.Slice(at, units), out var id) ? id : -1, at, units);
            at += units;
        }

        var rule = new Rule(word, _pieceOf, _ranks);
        chain.Merge(ref rule);
        foreach (ref readonly var symbol in chain)
        {
            if (symbol.Id >= 0)
                output.Add(symbol.Id);
            else
                AddBytes(word.Slice(symbol.Start, symbol.Length), output);
        }
    }

    private void AddBytes(ReadOnlySpan<char> letter, List<int> output)
    {
        Span<byte> bytes = stackalloc byte[4];
        Rune.DecodeFromUtf16(letter, out var rune, out _);
        foreach (var b in bytes[..rune.EncodeToUtf8(bytes)])
        {
            if (_byteTokens[b] >= 0)
            {
                output.Add(_byteTokens[b]);
            }
            else
            {
                if (_unknown is { } unknown)
                    output.Add(unknown);
                return;
            }
        }
    }

    private readonly ref struct Rule(
        ReadOnlySpan<char> word, Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> pieceOf, uint[] ranks) : IMergeRule
    {
        private readonly ReadOnlySpan<char> _word = word;

        public bool TryMerge(in Symbol left, in Symbol right, out uint rank, out int id)
        {
            var found = pieceOf.TryGetValue(_word.Slice(left.Start, left.Length + right.Length), out id);
            rank = found ? ranks[id] : 0;
            return found;
        }
    }
}
