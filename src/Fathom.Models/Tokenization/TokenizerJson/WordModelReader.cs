using System.Text.Json;
using Fathom.Models.Tokenization.WordModels;

namespace Fathom.Models.Tokenization.TokenizerJson;

/// <summary>What a byte pair model must know of the rest of the file.</summary>
internal readonly record struct BytePairContext(bool ByteLetters, int VocabularySize, bool[] Reserved);

/// <summary>The <c>model</c> of a tokenizer.json.</summary>
/// <param name="Ids">Its tokens.</param>
/// <param name="Make">Makes the model.</param>
/// <param name="TakesBytes">The model can spell bytes as letters itself, which saves rewriting every word.</param>
internal sealed record WordModelDraft(Dictionary<string, int> Ids, Func<BytePairContext, IWordModel> Make, bool TakesBytes = false);

/// <summary>Reads BPE, Unigram, WordPiece and WordLevel models.</summary>
internal static class WordModelReader
{
    /// <exception cref="TokenizerFormatException">The model is incomplete, contradictory, or of a kind that is not known here.</exception>
    public static WordModelDraft Read(JsonField model)
    {
        // Old files do not name the kind; the reference then tries BPE, WordPiece, WordLevel, Unigram.
        var kind = model.Find("type")?.Text() ?? Guess(model);
        return kind switch
        {
            "BPE" => BytePair(model),
            "Unigram" => Unigram(model),
            "WordPiece" => WordPiece(model),
            "WordLevel" => WordLevel(model),
            _ => throw model.Bad("type", $"'{kind}' is not known; BPE, Unigram, WordPiece and WordLevel are"),
        };
    }

    private static string Guess(JsonField model) =>
        model.Find("merges") is not null ? "BPE"
        : model.Find("vocab") is { IsArray: true } ? "Unigram"
        : model.Find("max_input_chars_per_word") is not null ? "WordPiece"
        : "WordLevel";

    private static Dictionary<string, int> Vocabulary(JsonField field)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (text, value) in field.Members())
        {
            if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out var id) || id < 0)
                throw field.Member(text, value).Mistyped("a token id");
            if (!ids.TryAdd(text, id))
                throw field.Bad($"token '{text}' stands twice, as {ids[text]} and {id}");
        }

        return ids;
    }

    private static WordModelDraft BytePair(JsonField model)
    {
        var ids = Vocabulary(model.Need("vocab"));
        if (model.Find("dropout") is { } dropout && dropout.Number() != 0)
            throw dropout.Bad($"dropout {dropout.Number()} makes tokens random; it is not supported");
        var prefix = Text("continuing_subword_prefix");
        var merges = Merges(model.Need("merges"), ids, prefix);
        var ignores = Flag("ignore_merges");
        int? unknown = Text("unk_token") is { } text && ids.TryGetValue(text, out var id) ? id : null;
        var suffix = Text("end_of_word_suffix");
        // Without merges across it, and with a token for ▁ itself (else it could be part of an unknown run), text may be cut before a ▁.
        var cuts = !ignores && prefix is null && suffix is null && ids.ContainsKey(Metaspace.Letter.ToString());
        if (cuts)
        {
            var made = merges.Select(m => m.Id).ToHashSet();
            cuts = Metaspace.NeverInside(ids.Where(e => made.Contains(e.Value)).Select(e => e.Key));
        }

        return new WordModelDraft(ids, TakesBytes: prefix is null && suffix is null, Make: context => new BytePairModel(ids, merges, [], new BytePairOptions
        {
            VocabularySize = context.VocabularySize,
            ByteLetters = context.ByteLetters,
            ByteFallback = Flag("byte_fallback"),
            IgnoreMerges = ignores,
            Unknown = unknown,
            FuseUnknown = Flag("fuse_unk"),
            ContinuingPrefix = prefix,
            EndOfWordSuffix = suffix,
            Reserved = context.Reserved,
        })
        {
            SplitsAtMetaspace = cuts && !context.ByteLetters,
        });

        bool Flag(string name) => model.Find(name)?.Flag() ?? false;

        string? Text(string name) => model.Find(name)?.Text() is { Length: > 0 } value ? value : null;
    }

    /// <summary>Merges as "left right" or as ["left", "right"].</summary>
    private static List<(int Left, int Right, int Id)> Merges(JsonField field, Dictionary<string, int> ids, string? prefix)
    {
        if (!field.IsArray)
            throw field.Mistyped("an array");
        var merges = new List<(int Left, int Right, int Id)>(field.Element.GetArrayLength());
        var rank = 0;
        foreach (var entry in field.Element.EnumerateArray())
        {
            var (left, right) = Parts(entry, rank);
            if (left.Length > 0)
                merges.Add((Id(left), Id(right), Id(left + WithoutPrefix(right))));
            rank++;
        }

        return merges;

        (string Left, string Right) Parts(JsonElement entry, int at)
        {
            if (entry.ValueKind == JsonValueKind.String)
            {
                var line = field.TextOf(entry);
                if (line.StartsWith("#version", StringComparison.Ordinal))
                    return ("", "");
                var parts = line.Split(' ');
                if (parts is [{ Length: > 0 }, { Length: > 0 }])
                    return (parts[0], parts[1]);
                throw field.Bad($"merge {at} '{line}' is not two parts with a space between");
            }

            if (entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 2
                && entry[0].ValueKind == JsonValueKind.String && entry[1].ValueKind == JsonValueKind.String
                && field.TextOf(entry[0]) is { Length: > 0 } first)
            {
                return (first, field.TextOf(entry[1]));
            }

            throw field.Bad($"merge {at} is neither \"left right\" nor [\"left\", \"right\"]");
        }

        string WithoutPrefix(string right) =>
            prefix is not null && right.Length >= prefix.Length ? right[prefix.Length..] : right;

        int Id(string text) => ids.TryGetValue(text, out var id)
            ? id
            : throw field.Bad($"merge {rank} needs token '{text}', which the vocabulary lacks");
    }

    private static WordModelDraft Unigram(JsonField model)
    {
        var field = model.Need("vocab");
        if (!field.IsArray)
            throw field.Mistyped("an array");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var scores = new List<double>(field.Element.GetArrayLength());
        foreach (var entry in field.Element.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Array || entry.GetArrayLength() != 2 || entry[0].ValueKind != JsonValueKind.String
                || entry[1].ValueKind != JsonValueKind.Number || !entry[1].TryGetDouble(out var score) || !double.IsFinite(score))
            {
                throw field.Bad($"entry {scores.Count} is not [token, score]");
            }

            var text = field.TextOf(entry[0]);
            if (!ids.TryAdd(text, scores.Count))
                throw field.Bad($"token '{text}' stands twice, as {ids[text]} and {scores.Count}");
            scores.Add(score);
        }

        int? unknown = model.Find("unk_id") is { } unk ? unk.Whole(Math.Max(scores.Count - 1, 0)) : null;
        int[]? bytes = model.Find("byte_fallback")?.Flag() ?? false
            ? [.. Enumerable.Range(0, 256).Select(b => ids.GetValueOrDefault(ByteAlphabet.FallbackToken((byte)b), -1))]
            : null;
        return new WordModelDraft(ids, _ => new UnigramModel(ids, [.. scores], unknown, bytes));
    }

    private static WordModelDraft WordPiece(JsonField model)
    {
        var ids = Vocabulary(model.Need("vocab"));
        var unknown = model.Find("unk_token")?.Text() ?? "[UNK]";
        if (!ids.TryGetValue(unknown, out var id))
            throw model.Bad("unk_token", $"'{unknown}' is not in the vocabulary");
        var prefix = model.Find("continuing_subword_prefix")?.Text() ?? "##";
        var lettersMax = model.Find("max_input_chars_per_word")?.Whole(100_000) ?? 100;
        return new WordModelDraft(ids, _ => new WordPieceModel(ids, id, prefix, lettersMax));
    }

    private static WordModelDraft WordLevel(JsonField model)
    {
        var ids = Vocabulary(model.Need("vocab"));
        int? unknown = model.Find("unk_token")?.Text() is { } text && ids.TryGetValue(text, out var id) ? id : null;
        return new WordModelDraft(ids, _ => new WordLevelModel(ids, unknown));
    }
}
