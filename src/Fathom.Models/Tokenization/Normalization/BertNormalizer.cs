using System.Globalization;
using System.Text;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tokenization.Normalization;

/// <summary>BERT's clean-up: no control characters, plain spaces, ideographs as words of their own, perhaps no accents and no capitals.</summary>
internal sealed class BertNormalizer(bool cleanText, bool handleChineseChars, bool stripAccents, bool lowercase) : TextNormalizer
{
    public override string Apply(string text, PatternStack stack)
    {
        if (cleanText || handleChineseChars)
            text = Clean(text);
        if (stripAccents)
        {
            text = UnicodeNormalizer.Normalize(text, NormalizationForm.FormD);
            text = string.Concat(text.EnumerateRunes().Where(r => Rune.GetUnicodeCategory(r) != UnicodeCategory.NonSpacingMark));
        }

        return lowercase ? LowercaseNormalizer.Lower(text) : text;
    }

    private static bool IsIdeograph(int c) => c
        is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F)
        // The reference begins this range at 2B920, not at 2B820, and is followed.
        or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);

    private static bool IsDropped(Rune rune) => rune.Value is not ('\t' or '\n' or '\r')
        && (rune.Value is 0 or 0xFFFD
            || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse);

    private string Clean(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (cleanText && IsDropped(rune))
                continue;
            if (cleanText && UnicodeProperties.WhiteSpace.Contains(rune.Value))
                result.Append(' ');
            else if (handleChineseChars && IsIdeograph(rune.Value))
                result.Append(' ').Append(rune.ToString()).Append(' ');
            else
                result.Append(rune.ToString());
        }

        return result.ToString();
    }
}
