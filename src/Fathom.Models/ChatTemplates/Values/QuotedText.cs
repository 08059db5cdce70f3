using System.Globalization;
using System.Text;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>Python's <c>repr</c> of a string: the quote that needs no escape, printable characters as they are.</summary>
internal static class QuotedText
{
    public static string Of(string text)
    {
        var quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        var quoted = new StringBuilder(text.Length + 2).Append(quote);
        for (var i = 0; i < text.Length;)
        {
            var units = CodePointText.UnitsAt(text, i);
            var c = text[i];
            if (c == quote || c == '\\')
                quoted.Append('\\').Append(c);
            else if (c is '\n' or '\r' or '\t')
                quoted.Append(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
            else if (c is >= ' ' and < '\x7f' || IsPrintable(text, i))
                quoted.Append(text, i, units);
            else
                AppendEscape(quoted, units == 2 ? char.ConvertToUtf32(text[i], text[i + 1]) : c);
            i += units;
        }
        return quoted.Append(quote).ToString();
    }

    private static bool IsPrintable(string text, int unit) => CharUnicodeInfo.GetUnicodeCategory(text, unit)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
            or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.SpaceSeparator);

    private static void AppendEscape(StringBuilder quoted, int codePoint) => quoted.Append(codePoint switch
    {
        <= 0xff => $"\\x{codePoint:x2}",
        <= 0xffff => $"\\u{codePoint:x4}",
        _ => $"\\U{codePoint:x8}",
    });
}
