using System.Text;
using Fathom.Models.Tokenization.GgufVocabularies;
using Fathom.Models.Tokenization.Patterns;
using Fathom.Models.Tokenization.PreTokenization;

namespace Fathom.Models.Tokenization.TokenizerJson;

/// <summary>Reads the <c>pre_tokenizer</c> of a tokenizer.json into one flat list of steps.</summary>
internal static class PreTokenizerReader
{
    private const int StepsMax = 32;
    private static readonly UnicodePattern Gpt2Words = UnicodePattern.Parse(PreTokenizerFamily.Gpt2Words);

    public static List<PreTokenizer> Read(JsonField? field)
    {
        var steps = new List<PreTokenizer>();
        if (field is { } present)
            Add(present, steps);
        return steps;
    }

    private static void Add(JsonField field, List<PreTokenizer> steps)
    {
        if (steps.Count >= StepsMax)
            throw field.Bad($"is the pre-tokenizer behind {StepsMax} others; more are not supported");
        var kind = field.Need("type").Text();
        switch (kind)
        {
            case "Sequence":
                foreach (var item in field.Need("pretokenizers").Items())
                    Add(item, steps);
                break;
            case "ByteLevel":
                // Each would spell the letters of the one before, and the text grow with each.
                if (steps.Any(s => s is ByteLetterSplitter))
                    throw field.Bad("a second ByteLevel is not supported");
                var words = NormalizerReader.Flag(field, "use_regex", true) ? new PatternSplitter(Gpt2Words, DelimiterBehavior.Isolated) : null;
                steps.Add(new ByteLevelSplitter(NormalizerReader.Flag(field, "add_prefix_space", true), words));
                steps.Add(new ByteLetterSplitter());
                break;
            case "Split":
                steps.Add(Split(field));
                break;
            case "Metaspace":
                steps.Add(Metaspace(field));
                break;
            case "Whitespace":
                // Rust's \w here, which is not Oniguruma's.
                steps.Add(Cut(@"[\p{Word}\u200C\u200D]+|[^\p{Word}\u200C\u200D\s]+", DelimiterBehavior.Removed, invert: true));
                break;
            case "WhitespaceSplit":
                steps.Add(Cut(@"\s", DelimiterBehavior.Removed));
                break;
            case "BertPreTokenizer":
                steps.Add(Cut(@"\s", DelimiterBehavior.Removed));
                steps.Add(Cut(@"[\p{P}!-/:-@\[-`{-~]", DelimiterBehavior.Isolated));
                break;
            case "Punctuation":
                steps.Add(Cut(@"[\p{P}!-/:-@\[-`{-~]", Behavior(field, DelimiterBehavior.Isolated)));
                break;
            case "Digits":
                steps.Add(Cut(
                    @"\p{N}", NormalizerReader.Flag(field, "individual_digits", false) ? DelimiterBehavior.Isolated : DelimiterBehavior.Contiguous));
                break;
            case "CharDelimiterSplit":
                steps.Add(new PatternSplitter(UnicodePattern.Literal(OneLetter(field.Need("delimiter")).ToString()), DelimiterBehavior.Removed));
                break;
            default:
                throw field.Bad("type", $"pre-tokenizer '{kind}' is not known");
        }
    }

    /// <summary>A string of exactly one code point.</summary>
    public static Rune OneLetter(JsonField field)
    {
        var runes = field.Text().EnumerateRunes().Take(2).ToArray();
        return runes is [var only] ? only : throw field.Mistyped("a single character");
    }

    /// <summary>Where Metaspace puts a space; older files say only whether.</summary>
    public static PrependScheme Prepend(JsonField field)
    {
        var adds = field.Find("add_prefix_space")?.Flag() ?? true;
        var scheme = field.Find("prepend_scheme")?.Text() switch
        {
            null => adds ? PrependScheme.Always : PrependScheme.Never,
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            var other => throw field.Bad("prepend_scheme", $"'{other}' is not always, first or never"),
        };
        return adds || scheme == PrependScheme.Never ? scheme : throw field.Bad("add_prefix_space", "is false, against prepend_scheme");
    }

    private static PatternSplitter Cut(string pattern, DelimiterBehavior behavior, bool invert = false) =>
        new(UnicodePattern.Parse(pattern), behavior, invert);

    private static PatternSplitter Split(JsonField field)
    {
        var (literal, pattern) = NormalizerReader.Pattern(field.Need("pattern"));
        return new PatternSplitter(
            pattern ?? UnicodePattern.Literal(literal!), Behavior(field, null), NormalizerReader.Flag(field, "invert", false));
    }

    private static MetaspaceSplitter Metaspace(JsonField field)
    {
        var letter = field.Find("replacement") is { } replacement ? OneLetter(replacement) : new Rune(Tokenization.Metaspace.Letter);
        return new MetaspaceSplitter(letter, Prepend(field), NormalizerReader.Flag(field, "split", true));
    }

    private static DelimiterBehavior Behavior(JsonField field, DelimiterBehavior? otherwise)
    {
        if (otherwise is { } value && field.Find("behavior") is null)
            return value;
        var behavior = field.Need("behavior");
        return behavior.Text() switch
        {
            "Removed" => DelimiterBehavior.Removed,
            "Isolated" => DelimiterBehavior.Isolated,
            "MergedWithPrevious" => DelimiterBehavior.MergedWithPrevious,
            "MergedWithNext" => DelimiterBehavior.MergedWithNext,
            "Contiguous" => DelimiterBehavior.Contiguous,
            var other => throw behavior.Bad($"'{other}' is not a behavior"),
        };
    }
}
