using System.Text;
using Fathom.Models.Tokenization.Normalization;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tokenization.TokenizerJson;

/// <summary>Reads the <c>normalizer</c> of a tokenizer.json.</summary>
internal static class NormalizerReader
{
    private const int StepsMax = 64;
    private const int ReplacementCharsMax = 1024;

    public static TextNormalizer Read(JsonField field)
    {
        var kind = field.Need("type").Text();
        return kind switch
        {
            "Sequence" => Sequence(field.Need("normalizers")),
            "NFC" => new FormNormalizer(NormalizationForm.FormC),
            "NFD" => new FormNormalizer(NormalizationForm.FormD),
            "NFKC" => new FormNormalizer(NormalizationForm.FormKC),
            "NFKD" => new FormNormalizer(NormalizationForm.FormKD),
            "Lowercase" => new LowercaseNormalizer(),
            "Prepend" => new PrependNormalizer(Short(field.Need("prepend"))),
            "Replace" => Replace(field),
            "Strip" => new StripNormalizer(Flag(field, "strip_left", false), Flag(field, "strip_right", false)),
            "StripAccents" => FilterNormalizer.WithoutMarks,
            "Nmt" => new NmtNormalizer(),
            "ByteLevel" => new ByteLetterNormalizer(),
            "Precompiled" => Precompiled(field),
            "Bert" or "BertNormalizer" => Bert(field),
            _ => throw field.Bad("type", $"normalizer '{kind}' is not known"),
        };
    }

    /// <summary>A replacement of {"String": …} or {"Regex": …} by content; decoders have it, too.</summary>
    public static ReplaceNormalizer Replace(JsonField field)
    {
        var (literal, pattern) = Pattern(field.Need("pattern"));
        return new ReplaceNormalizer(literal, pattern, Short(field.Need("content")));
    }

    /// <summary>{"String": …} or {"Regex": …}.</summary>
    public static (string? Literal, UnicodePattern? Pattern) Pattern(JsonField field)
    {
        if (field.Find("String") is { } literal)
            return literal.Text() is { Length: > 0 } text ? (text, null) : throw literal.Bad("an empty string cannot be looked for");
        var regex = field.Find("Regex") ?? throw field.Bad("has neither String nor Regex");
        try
        {
            return (null, UnicodePattern.Parse(regex.Text()));
        }
        catch (PatternSyntaxException syntax)
        {
            throw regex.Bad($"{syntax.Message}: {regex.Text()}");
        }
    }

    public static bool Flag(JsonField field, string name, bool otherwise) => field.Find(name)?.Flag() ?? otherwise;

    private static NormalizerSequence Sequence(JsonField field)
    {
        var items = field.Items();
        return items.Count <= StepsMax
            ? new NormalizerSequence([.. items.Select(Read)])
            : throw field.Bad($"holds {items.Count} normalizers; more than {StepsMax} are not supported");
    }

    private static string Short(JsonField field) => field.Text() is { Length: <= ReplacementCharsMax } text
        ? text
        : throw field.Bad($"is longer than {ReplacementCharsMax} characters");

    private static BertNormalizer Bert(JsonField field)
    {
        var lowercase = Flag(field, "lowercase", true);
        return new BertNormalizer(
            Flag(field, "clean_text", true), Flag(field, "handle_chinese_chars", true), Flag(field, "strip_accents", lowercase), lowercase);
    }

    private static PrecompiledNormalizer Precompiled(JsonField field)
    {
        var map = field.Need("precompiled_charsmap");
        var text = map.Text();
        var bytes = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, bytes, out var length))
            throw map.Bad("is not base64");
        return PrecompiledNormalizer.Read(bytes.AsSpan(0, length)) ?? throw map.Bad($"its {length} bytes do not hold the trie they announce");
    }
}
