using Fathom.Models.Tokenization.Decoding;
using Fathom.Models.Tokenization.Normalization;
using Fathom.Models.Tokenization.Patterns;
using Fathom.Models.Tokenization.PreTokenization;
using Fathom.Models.Tokenization.WordModels;

namespace Fathom.Models.Tokenization.TokenizerJson;

/// <summary>The parts of a tokenizer.json, read and checked.</summary>
internal sealed record TokenizerParts
{
    public required string Origin { get; init; }

    /// <summary>Id of a spelling, added tokens included.</summary>
    public required Func<string, int?> Find { get; init; }

    /// <summary>Spellings by id; null where no token has the id.</summary>
    public required string?[] Texts { get; init; }

    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    public TextNormalizer? Normalizer { get; init; }

    public required PreTokenizer[] PreTokenizers { get; init; }

    public required IWordModel Model { get; init; }

    public required TokenDecoder[] Decoders { get; init; }

    /// <summary>Tokens before every text that gets its special tokens.</summary>
    public required int[] Before { get; init; }

    /// <summary>Tokens behind it.</summary>
    public required int[] After { get; init; }

    public int? BeginOfSequence { get; init; }

    public int? EndOfSequence { get; init; }

    public required HashSet<int> EndsOfGeneration { get; init; }
}

/// <summary>Added tokens, normalizer, pre-tokenizers, model and template of a tokenizer.json, one after the other.</summary>
internal sealed class HuggingFaceTokenizer : Tokenizer
{
    private const int SpellingCharsMax = 1 << 20;
    private readonly TokenizerParts _parts;
    private readonly TokenTable _table;
    private readonly AddedTokenSplitter _raw;
    private readonly AddedTokenSplitter _normalized;

    public HuggingFaceTokenizer(TokenizerParts parts)
    {
        _parts = parts;
        BeginOfSequence = parts.BeginOfSequence;
        EndOfSequence = parts.EndOfSequence;
        var kinds = new TokenKind[parts.Texts.Length];
        Array.Fill(kinds, TokenKind.Normal);
        foreach (var token in parts.AddedTokens)
            kinds[token.Id] = token.Special ? TokenKind.Control : TokenKind.UserDefined;
        _table = new TokenTable(parts.Texts, kinds, id => Spell(id, first: false));

        var stack = new PatternStack();
        stack.Refill(0);
        _raw = new AddedTokenSplitter([.. parts.AddedTokens.Where(t => !t.Normalized).Select(t => (t.Content, t))]);
        _normalized = new AddedTokenSplitter(
            [.. parts.AddedTokens.Where(t => t.Normalized).Select(t => (parts.Normalizer?.Apply(t.Content, stack) ?? t.Content, t))]);
    }

    /// <inheritdoc/>
    public override int VocabularySize => _table.Count;

    /// <inheritdoc/>
    public override bool AddsBeginOfSequence => _parts.Before is [var first, ..] && first == BeginOfSequence;

    /// <inheritdoc/>
    public override int[] Encode(string text, bool addSpecial, bool parseSpecial)
    {
        text = WellFormed(text);
        var output = new List<int>(text.Length / 3 + 2);
        if (addSpecial)
            output.AddRange(_parts.Before);
        var scratch = EncodeScratch.For(text.Length);
        var flow = new PieceFlow(_parts.PreTokenizers, _parts.Model, scratch, output);
        try
        {
            foreach (var part in _raw.Split(text, parseSpecial))
            {
                if (part.Token is { } token)
                    output.Add(token.Id);
                else
                    EncodePart(text.Substring(part.Start, part.Length), part.Start == 0, parseSpecial, flow, scratch, output);
            }
        }
        catch (EffortException effort)
        {
            throw new TokenizerFormatException(_parts.Origin, "tokenizer.json", effort.Message, effort);
        }

        if (addSpecial)
            output.AddRange(_parts.After);
        return [.. output];
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> TokenBytes(int id) => _table.Bytes(id);

    /// <inheritdoc/>
    public override string TokenText(int id) => _table.Text(id);

    /// <inheritdoc/>
    public override bool TryGetToken(string text, out int id)
    {
        var found = _parts.Find(text);
        id = found ?? -1;
        return found is not null;
    }

    /// <inheritdoc/>
    public override bool IsControl(int id) => _table.IsControl(id);

    /// <inheritdoc/>
    public override bool IsEndOfGeneration(int id) => _parts.EndsOfGeneration.Contains(id);

    /// <inheritdoc/>
    internal override ReadOnlySpan<byte> SpelledBytes(int id, bool atStart) =>
        atStart || IsControl(id) ? Spell(id, atStart) : _table.Bytes(id);

    private void EncodePart(string text, bool atStart, bool parseSpecial, PieceFlow flow, EncodeScratch scratch, List<int> output)
    {
        if (_parts.Normalizer is { } normalizer)
            text = normalizer.Apply(text, scratch.Patterns);
        foreach (var part in _normalized.Split(text, parseSpecial))
        {
            if (part.Token is { } token)
                output.Add(token.Id);
            else
                flow.Forward(new TextPiece(text, part.Start, part.Length, atStart && part.Start == 0), 0);
        }
    }

    private byte[] Spell(int id, bool first)
    {
        var token = new DecodedToken(_parts.Texts[id] ?? "");
        try
        {
            foreach (var decoder in _parts.Decoders)
            {
                decoder.Apply(ref token, first);
                if (token.Text.Length > SpellingCharsMax)
                    throw new EffortException($"the decoders make token {id} too long");
            }
        }
        catch (EffortException effort)
        {
            throw new TokenizerFormatException(_parts.Origin, "decoder", effort.Message, effort);
        }

        return token.ToBytes();
    }
}
