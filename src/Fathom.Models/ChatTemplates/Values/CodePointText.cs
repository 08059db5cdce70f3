namespace Fathom.Models.ChatTemplates.Values;

/// <summary>Code point positions in UTF-16 text.</summary>
internal static class CodePointText
{
    public static int Count(string text)
    {
        var count = text.Length;
        for (var i = 0; i + 1 < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && char.IsLowSurrogate(text[i + 1]))
            {
                count--;
                i++;
            }
        }
        return count;
    }

    /// <summary>1, or 2 where a surrogate pair starts.</summary>
    public static int UnitsAt(string text, int unit) =>
        char.IsHighSurrogate(text[unit]) && unit + 1 < text.Length && char.IsLowSurrogate(text[unit + 1]) ? 2 : 1;

    /// <summary>UTF-16 offset of the code point at an index within [0, count].</summary>
    public static int UnitOffset(string text, int codePoint)
    {
        var unit = 0;
        for (; codePoint > 0; codePoint--)
            unit += UnitsAt(text, unit);
        return unit;
    }

    /// <summary>Code points before a UTF-16 offset.</summary>
    public static int IndexOfUnit(string text, int unit) => Count(text[..unit]);

    /// <summary>Order by code point, which is Python's. UTF-16 order differs where surrogates meet U+E000 to U+FFFF.</summary>
    public static int Compare(string x, string y)
    {
        var length = Math.Min(x.Length, y.Length);
        for (var i = 0; i < length; i++)
        {
            if (x[i] == y[i])
                continue;
            bool high = char.IsSurrogate(x[i]), otherHigh = char.IsSurrogate(y[i]);
            return high == otherHigh ? x[i].CompareTo(y[i]) : high ? 1 : -1;
        }
        return x.Length.CompareTo(y.Length);
    }

    /// <summary>Python's <c>str.isspace</c> for one character: Unicode white space and the four separators U+001C to U+001F.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';
}
