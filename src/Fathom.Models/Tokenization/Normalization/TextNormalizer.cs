using System.Globalization;
using System.Text;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tokenization.Normalization;

/// <summary>One step that changes a text before it is cut into words.</summary>
internal abstract class TextNormalizer
{
    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="stack">Scratch of the calling thread, for patterns.</param>
    public abstract string Apply(string text, PatternStack stack);
}

/// <summary>Steps one after the other.</summary>
internal sealed class NormalizerSequence(IReadOnlyList<TextNormalizer> steps) : TextNormalizer
{
    public override string Apply(string text, PatternStack stack)
    {
        // The widest honest growth is NFKD's, eighteenfold; steps that each double the text would fill the memory.
        var charsMax = 1_000_000 + (32L * text.Length);
        foreach (var step in steps)
        {
            text = step.Apply(text, stack);
            if (text.Length > charsMax)
                throw new EffortException("the normalizers make a text too long");
        }

        return text;
    }
}

/// <summary>NFC, NFD, NFKC or NFKD.</summary>
internal sealed class FormNormalizer(NormalizationForm form) : TextNormalizer
{
    public override string Apply(string text, PatternStack stack) => UnicodeNormalizer.Normalize(text, form);
}

/// <summary>Lowercases each code point by itself, without regard to its neighbours or to language.</summary>
internal sealed class LowercaseNormalizer : TextNormalizer
{
    public override string Apply(string text, PatternStack stack) => Lower(text);

    /// <summary>U+0130 is the one code point whose lowercase is two.</summary>
    public static string Lower(string text) => text.Replace("\u0130", "i\u0307", StringComparison.Ordinal).ToLowerInvariant();
}

/// <summary>Puts a text before every text that is not empty.</summary>
internal sealed class PrependNormalizer(string prefix) : TextNormalizer
{
    public override string Apply(string text, PatternStack stack) => text.Length == 0 ? text : prefix + text;
}

/// <summary>Replaces a literal text, or whatever a pattern matches.</summary>
internal sealed class ReplaceNormalizer(string? literal, UnicodePattern? pattern, string replacement) : TextNormalizer
{
    public override string Apply(string text, PatternStack stack) => Replace(text, stack);

    public string Replace(string text, PatternStack stack)
    {
        if (literal is not null)
            return text.Replace(literal, replacement, StringComparison.Ordinal);
        var result = new StringBuilder(text.Length);
        var matches = new PatternMatches(pattern!, text, stack);
        var done = 0;
        while (matches.MoveNext())
        {
            result.Append(text, done, matches.Start - done).Append(replacement);
            done = matches.End;
        }

        return done == 0 && result.Length == 0 ? text : result.Append(text, done, text.Length - done).ToString();
    }
}

/// <summary>Takes white space away at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : TextNormalizer
{
    public override string Apply(string text, PatternStack stack)
    {
        var (start, end) = (0, text.Length);
        while (left && start < end && UnicodeProperties.WhiteSpace.Contains(text[start]))
            start++;
        while (right && start < end && UnicodeProperties.WhiteSpace.Contains(text[end - 1]))
            end--;
        return text[start..end];
    }
}

/// <summary>Keeps the code points for which a condition holds.</summary>
internal sealed class FilterNormalizer(Func<Rune, bool> keep) : TextNormalizer
{
    /// <summary>Takes every combining mark away.</summary>
    public static FilterNormalizer WithoutMarks { get; } = new(rune =>
        Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark));

    public override string Apply(string text, PatternStack stack)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (keep(rune))
                result.Append(rune.ToString());
        }

        return result.Length == text.Length ? text : result.ToString();
    }
}

/// <summary>Spells the UTF-8 bytes of the text with GPT-2's letters.</summary>
internal sealed class ByteLetterNormalizer : TextNormalizer
{
    public override string Apply(string text, PatternStack stack) => ByteAlphabet.Spell(text);
}

/// <summary>SentencePiece's nmt rule: some control characters vanish, some characters count as spaces.</summary>
internal sealed class NmtNormalizer : TextNormalizer
{
    public override string Apply(string text, PatternStack stack)
    {
        var result = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            switch ((int)c)
            {
                case (>= 0x01 and <= 0x08) or 0x0B or (>= 0x0E and <= 0x1F) or 0x7F or 0x8F or 0x9F:
                    break;
                case 0x09 or 0x0A or 0x0C or 0x0D or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD:
                    result.Append(' ');
                    break;
                default:
                    result.Append(c);
                    break;
            }
        }

        return result.ToString();
    }
}
