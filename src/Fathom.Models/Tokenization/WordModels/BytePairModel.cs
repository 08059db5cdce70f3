using System.Runtime.InteropServices;
using System.Text;

namespace Fathom.Models.Tokenization.WordModels;

/// <summary>Byte pair encoding of one word: letters (or bytes) are merged in the order in which training found the merges.</summary>
/// <remarks>Immutable apart from its cache; any thread.</remarks>
internal sealed class BytePairModel : IWordModel
{
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idOf;
    private readonly Dictionary<ulong, Merged> _merges;
    private readonly BytePairOptions _options;
    private readonly int[]? _byteLetters;
    private readonly int[]? _byteTokens;
    private readonly WordCache _cache = new();
    private readonly int[][] _expansions;

    /// <summary>Makes a model of merges whose parts and results have been looked up.</summary>
    /// <param name="ids">Spelling to id.</param>
    /// <param name="merges">Pairs (ids of left and right) in order of rank, with the id they make.</param>
    /// <param name="expansions">For ids from the vocabulary's end on: merge results that are no token, and the tokens they fall back to.</param>
    /// <param name="options">Variations.</param>
    public BytePairModel(
        Dictionary<string, int> ids, IReadOnlyList<(int Left, int Right, int Id)> merges, int[][] expansions, BytePairOptions options)
    {
        _ids = ids;
        _idOf = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _options = options;
        _expansions = expansions;
        _merges = new Dictionary<ulong, Merged>(merges.Count);
        for (var rank = 0; rank < merges.Count; rank++)
        {
            var (left, right, id) = merges[rank];
            var merged = new Merged((uint)rank, id);
            if (options.FirstRankWins)
                _merges.TryAdd(Pair(left, right), merged);
            else
                _merges[Pair(left, right)] = merged;
        }

        if (options.ByteLetters)
            _byteLetters = [.. Enumerable.Range(0, 256).Select(b => _ids.GetValueOrDefault(ByteAlphabet.Letter((byte)b).ToString(), -1))];
        if (options.ByteFallback)
            _byteTokens = [.. Enumerable.Range(0, 256).Select(b => _ids.GetValueOrDefault(ByteAlphabet.FallbackToken((byte)b), -1))];
    }

    private readonly record struct Merged(uint Rank, int Id);

    /// <inheritdoc/>
    public bool SplitsAtMetaspace { get; init; }

    /// <inheritdoc/>
    public void Encode(ReadOnlySpan<char> word, EncodeScratch scratch, List<int> output)
    {
        if (_cache.TryGet(word, out var known))
        {
            output.AddRange(known);
            return;
        }

        var start = output.Count;
        EncodeAnew(word, scratch, output);
        if (word.Length <= WordCache.WordCharsMax)
            _cache.Add(word, CollectionsMarshal.AsSpan(output)[start..]);
    }

    private static ulong Pair(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private void EncodeAnew(ReadOnlySpan<char> word, EncodeScratch scratch, List<int> output)
    {
        if (_options.IgnoreMerges && TryWhole(word, out var whole))
        {
            output.Add(whole);
            return;
        }

        var chain = scratch.Symbols;
        chain.Clear();
        if (_byteLetters is not null)
            AddBytes(word, chain);
        else
            AddLetters(word, chain);
        var rule = new Rule(_merges);
        chain.Merge(ref rule);
        foreach (ref readonly var symbol in chain)
        {
            if (symbol.Id < _options.VocabularySize)
                output.Add(symbol.Id);
            else
                output.AddRange(_expansions[symbol.Id - _options.VocabularySize]);
        }
    }

    private bool TryWhole(ReadOnlySpan<char> word, out int id)
    {
        if (_byteLetters is null)
            return _idOf.TryGetValue(word, out id) && !IsReserved(id);
        var letters = ByteAlphabet.Spell(word);
        return _ids.TryGetValue(letters, out id) && !IsReserved(id);
    }

    /// <summary>A control token's spelling in a text must not become the token.</summary>
    private bool IsReserved(int id) => _options.Reserved is { } reserved && reserved[id];

    private void AddBytes(ReadOnlySpan<char> word, SymbolChain chain)
    {
        Span<byte> bytes = stackalloc byte[4];
        var at = 0;
        var unknown = new Unknown(this, chain);
        foreach (var rune in word.EnumerateRunes())
        {
            var length = rune.EncodeToUtf8(bytes);
            for (var i = 0; i < length; i++)
            {
                var id = _byteLetters![bytes[i]];
                if (id >= 0)
                    unknown.Known(id, at, 1);
                else
                    unknown.Missing(at, 1);
                at++;
            }
        }

        unknown.Flush();
    }

    private void AddLetters(ReadOnlySpan<char> word, SymbolChain chain)
    {
        Span<byte> bytes = stackalloc byte[4];
        var unknown = new Unknown(this, chain);
        for (var at = 0; at < word.Length;)
        {
            Rune.DecodeFromUtf16(word[at..], out var rune, out var units);
            var last = at + units == word.Length;
            if (TryLetter(word.Slice(at, units), first: at == 0, last, out var id))
            {
                unknown.Known(id, at, units);
            }
            else if (_byteTokens is not null && AllBytesKnown(bytes[..rune.EncodeToUtf8(bytes)]))
            {
                foreach (var b in bytes[..rune.EncodeToUtf8(bytes)])
                    unknown.Known(_byteTokens[b], at, 1);
            }
            else
            {
                unknown.Missing(at, units);
            }

            at += units;
        }

        unknown.Flush();
    }

    private bool TryLetter(ReadOnlySpan<char> letter, bool first, bool last, out int id)
    {
        if (_options.ContinuingPrefix is null && _options.EndOfWordSuffix is null)
            return _idOf.TryGetValue(letter, out id);
        var prefix = first ? "" : _options.ContinuingPrefix;
        var suffix = last ? _options.EndOfWordSuffix : "";
        return _ids.TryGetValue($"{prefix}{letter}{suffix}", out id);
    }

    private bool AllBytesKnown(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            if (_byteTokens![b] < 0)
                return false;
        }

        return true;
    }

    /// <summary>Letters without a token become the unknown token, one for each run when fused; without an unknown token they vanish.</summary>
    private ref struct Unknown(BytePairModel model, SymbolChain chain)
    {
        private int _start = -1;
        private int _length;

        public void Known(int id, int start, int length)
        {
            Flush();
            chain.Add(id, start, length);
        }

        public void Missing(int start, int length)
        {
            if (model._options.Unknown is null)
                return;
            if (!model._options.FuseUnknown)
                Flush();
            if (_start < 0)
                _start = start;
            _length += length;
        }

        public void Flush()
        {
            if (_start >= 0)
                chain.Add(model._options.Unknown!.Value, _start, _length);
            _start = -1;
            _length = 0;
        }
    }

    private readonly struct Rule(Dictionary<ulong, Merged> merges) : IMergeRule
    {
        public bool TryMerge(in Symbol left, in Symbol right, out uint rank, out int id)
        {
            var found = merges.TryGetValue(Pair(left.Id, right.Id), out var merged);
            (rank, id) = (merged.Rank, merged.Id);
            return found;
        }
    }
}
