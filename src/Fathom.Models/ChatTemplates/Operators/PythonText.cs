using System.Globalization;
using System.Text;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Operators;

/// <summary>Python's string operations that differ from .NET's: what is white space, what ends a line, how case maps.</summary>
internal static class PythonText
{
    public static string Strip(string text, string? characters) => StripEnd(StripStart(text, characters), characters);

    public static string StripStart(string text, string? characters)
    {
        var start = 0;
        while (start < text.Length && IsStripped(text, start, CodePointText.UnitsAt(text, start), characters))
            start += CodePointText.UnitsAt(text, start);
        return text[start..];
    }

    public static string StripEnd(string text, string? characters)
    {
        var end = text.Length;
        while (end > 0)
        {
            var units = end > 1 && char.IsLowSurrogate(text[end - 1]) && char.IsHighSurrogate(text[end - 2]) ? 2 : 1;
            if (!IsStripped(text, end - units, units, characters))
                break;
            end -= units;
        }
        return text[..end];
    }

    /// <summary><c>splitlines()</c>: every Unicode line end, and CR LF as one.</summary>
    public static IEnumerable<string> SplitLines(string text, bool keepEnds)
    {
        var start = 0;
        while (start < text.Length)
        {
            var end = start;
            while (end < text.Length && !IsLineEnd(text[end]))
                end++;
            var next = end;
            if (end < text.Length)
                next = text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
            yield return text[start..(keepEnds ? next : end)];
            start = next;
        }
    }

    /// <summary>Full upper-case mapping, without locale.</summary>
    public static string Upper(string text)
    {
        var upper = text.ToUpperInvariant();
        if (upper.AsSpan().IndexOfAny(SpecialCasing.UpperSources) < 0)
            return upper;
        var result = new StringBuilder(upper.Length + 8);
        foreach (var c in upper)
            result.Append(SpecialCasing.Upper(c) ?? c.ToString());
        return result.ToString();
    }

    /// <summary>Full lower-case mapping, without locale: a sigma that ends a word takes its final form.</summary>
    public static string Lower(string text)
    {
        var lower = text.ToLowerInvariant();
        if (text.AsSpan().IndexOfAny('\u03a3', '\u0130') < 0)
            return lower;
        var result = new StringBuilder(lower.Length + 4);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\u0130')
                result.Append("i\u0307");
            else
                result.Append(text[i] == '\u03a3' && EndsWord(text, i) ? '\u03c2' : lower[i]);
        }
        return result.ToString();
    }

    public static string Capitalize(string text)
    {
        if (text.Length == 0)
            return text;
        var units = CodePointText.UnitsAt(text, 0);
        return TitleCharacter(text[..units]) + Lower(text)[Lower(text[..units]).Length..];
    }

    /// <summary><c>str.title()</c>: every run of letters starts upper case.</summary>
    public static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        var lower = Lower(text);
        // Lower() keeps positions except after U+0130, which no longer lines up; such text is mapped piecewise.
        var aligned = lower.Length == text.Length;
        var inWord = false;
        for (var i = 0; i < text.Length;)
        {
            var units = CodePointText.UnitsAt(text, i);
            var character = text.Substring(i, units);
            result.Append(!inWord ? TitleCharacter(character) : aligned ? lower.Substring(i, units) : Lower(character));
            inWord = IsCased(text, i);
            i += units;
        }
        return result.ToString();
    }

    public static string SwapCase(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length;)
        {
            var units = CodePointText.UnitsAt(text, i);
            var character = text.Substring(i, units);
            result.Append(CharUnicodeInfo.GetUnicodeCategory(text, i) == UnicodeCategory.UppercaseLetter ? Lower(character) : Upper(character));
            i += units;
        }
        return result.ToString();
    }

    /// <summary>Has upper or lower case forms, which <c>isupper</c>, <c>islower</c> and <c>title</c> go by.</summary>
    public static bool IsCased(string text, int unit) => CharUnicodeInfo.GetUnicodeCategory(text, unit)
        is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter;

    /// <summary>A letter, digit or other character of <c>\w</c>.</summary>
    public static bool IsWord(string text, int unit) => text[unit] == '_' || CharUnicodeInfo.GetUnicodeCategory(text, unit)
        is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
        or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.DecimalDigitNumber
        or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    private static string TitleCharacter(string character)
    {
        var upper = Upper(character);
        // Expansions such as ß to SS keep only their first letter upper case.
        return upper.Length > 1 && upper.Length > character.Length ? upper[0] + Lower(upper[1..]) : upper;
    }

    private static bool EndsWord(string text, int sigma)
    {
        var before = sigma > 0 && IsCased(text, char.IsLowSurrogate(text[sigma - 1]) && sigma > 1 ? sigma - 2 : sigma - 1);
        return before && (sigma + 1 >= text.Length || !IsCased(text, sigma + 1));
    }

    private static bool IsLineEnd(char c) => c is >= '\n' and <= '\r' or >= '\x1c' and <= '\x1e' or '\x85' or '\u2028' or '\u2029';

    private static bool IsStripped(string text, int unit, int units, string? characters) => characters is null
        ? CodePointText.IsSpace(text[unit])
        : characters.AsSpan().IndexOf(text.AsSpan(unit, units)) >= 0;
}
