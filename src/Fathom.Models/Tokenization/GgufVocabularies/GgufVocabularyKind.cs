using System.Text;
using Fathom.Models.Tokenization.WordModels;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tokenization.GgufVocabularies;

/// <summary>What differs between the kinds of vocabulary that GGUF files hold.</summary>
internal sealed record GgufVocabularyKind
{
    public required IWordModel Model { get; init; }

    /// <summary>Bytes of a token of text.</summary>
    public required Func<int, ReadOnlyMemory<byte>> BytesOf { get; init; }

    /// <summary>Patterns that cut words; null for vocabularies that spell spaces as ▁ and take text whole.</summary>
    public UnicodePattern[]? Patterns { get; init; }

    /// <summary>A space goes before the text and behind each special token.</summary>
    public bool AddsSpace { get; init; }

    public bool AddsBegin { get; init; }

    public int? DefaultBegin { get; init; }

    public int? DefaultEnd { get; init; }

    /// <summary>Byte-level BPE (<c>gpt2</c>).</summary>
    public static GgufVocabularyKind BytePair(GgufVocabulary vocabulary)
    {
        var name = vocabulary.String("pre") ?? "default";
        var family = PreTokenizerFamily.Find(name) ?? throw vocabulary.Bad("pre", $"pre-tokenizer '{name}' is not known");
        var merges = ReadMerges(vocabulary, out var expansions);
        var options = new BytePairOptions
        {
            VocabularySize = vocabulary.Texts.Length,
            ByteLetters = true,
            IgnoreMerges = family.IgnoresMerges,
            FirstRankWins = true,
            Reserved = Array.ConvertAll(vocabulary.Kinds, k => k is TokenKind.Control or TokenKind.Unknown),
        };
        return new GgufVocabularyKind
        {
            Model = new BytePairModel(vocabulary.Ids, merges, expansions, options),
            Patterns = [.. family.Patterns],
            AddsBegin = family.AddsBeginOfSequence,
            BytesOf = id => vocabulary.Kinds[id] switch
            {
                TokenKind.UserDefined => Encoding.UTF8.GetBytes(vocabulary.Texts[id]),
                TokenKind.Normal => ByteAlphabet.TryUnspell(vocabulary.Texts[id], out var bytes) ? bytes : Encoding.UTF8.GetBytes(vocabulary.Texts[id]),
                TokenKind.Byte when ByteAlphabet.TryFallbackByte(vocabulary.Texts[id], out var b) => new[] { b },
                _ => ReadOnlyMemory<byte>.Empty,
            },
        };
    }

    /// <summary>SentencePiece's BPE by score (<c>llama</c>).</summary>
    public static GgufVocabularyKind SentencePiece(GgufVocabulary vocabulary)
    {
        var pieces = new Dictionary<string, int>(StringComparer.Ordinal);
        var byteTokens = new int[256];
        Array.Fill(byteTokens, -1);
        for (var id = 0; id < vocabulary.Texts.Length; id++)
        {
            var text = vocabulary.Texts[id];
            if (vocabulary.Kinds[id] is TokenKind.Normal or TokenKind.UserDefined)
                pieces.Add(text, id);
            if (ByteAlphabet.TryFallbackByte(text, out var value) && vocabulary.Kinds[id] is TokenKind.Byte or TokenKind.Normal)
            {
                byteTokens[value] = id;
                pieces.Remove(text);
            }
        }

        var size = vocabulary.Texts.Length;
        var unknown = vocabulary.Id("unknown_token_id") ?? 0;
        return new GgufVocabularyKind
        {
            Model = new PieceScoreModel(pieces, vocabulary.Scores(), byteTokens, unknown),
            AddsSpace = vocabulary.Flag("add_space_prefix") ?? true,
            AddsBegin = true,
            DefaultBegin = size > 1 ? 1 : null,
            DefaultEnd = size > 2 ? 2 : null,
            BytesOf = id => vocabulary.Kinds[id] switch
            {
                TokenKind.UserDefined => Encoding.UTF8.GetBytes(vocabulary.Texts[id]),
                _ when ByteAlphabet.TryFallbackByte(vocabulary.Texts[id], out var b) && byteTokens[b] == id => new[] { b },
                TokenKind.Normal => Encoding.UTF8.GetBytes(vocabulary.Texts[id].Replace(Metaspace.Letter, ' ')),
                _ => ReadOnlyMemory<byte>.Empty,
            },
        };
    }

    /// <summary>Looks the merges up. A result that is no token becomes one that stands for its parts, so that later merges can build on it.</summary>
    private static List<(int Left, int Right, int Id)> ReadMerges(GgufVocabulary vocabulary, out int[][] expansions)
    {
        var lines = vocabulary.Merges();
        var size = vocabulary.Texts.Length;
        var merges = new List<(int Left, int Right, int Id)>(lines.Length);
        var extra = new Dictionary<string, int>(StringComparer.Ordinal);
        var parts = new List<int[]>();
        for (var rank = 0; rank < lines.Length; rank++)
        {
            var line = lines[rank];
            var space = line.Length > 1 ? line.IndexOf(' ', 1) : -1;
            if (space < 0 || space == line.Length - 1)
                throw vocabulary.Bad("merges", $"merge {rank} '{line}' is not two parts with a space between");
            var (left, right) = (line[..space], line[(space + 1)..]);
            if (Find(left) is not { } leftId || Find(right) is not { } rightId)
                continue;
            var result = left + right;
            if (Find(result) is not { } id)
            {
                id = size + parts.Count;
                extra.Add(result, id);
                parts.Add([.. Expand(leftId), .. Expand(rightId)]);
            }

            merges.Add((leftId, rightId, id));
        }

        expansions = [.. parts];
        return merges;

        int? Find(string text) => vocabulary.Ids.TryGetValue(text, out var id) || extra.TryGetValue(text, out id) ? id : null;

        IEnumerable<int> Expand(int id) => id < size ? [id] : parts[id - size];
    }
}
