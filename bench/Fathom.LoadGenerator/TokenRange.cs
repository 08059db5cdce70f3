using System.Globalization;

namespace Fathom.LoadGenerator;

/// <summary>A range of token counts, both ends included; lengths are drawn from it uniformly.</summary>
/// <param name="Min">Smallest count.</param>
/// <param name="Max">Largest count.</param>
public readonly record struct TokenRange(int Min, int Max)
{
    /// <summary>Reads <c>32..512</c>, or <c>128</c> for a fixed count.</summary>
    /// <param name="text">The range as a user writes it.</param>
    /// <param name="range">What was read.</param>
    /// <returns>False unless the text is one or two counts, from 1, in order.</returns>
    public static bool TryParse(string text, out TokenRange range)
    {
        ArgumentNullException.ThrowIfNull(text);
        range = default;
        var dots = text.IndexOf("..", StringComparison.Ordinal);
        var (first, last) = dots < 0 ? (text, text) : (text[..dots], text[(dots + 2)..]);
        if (!int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var min)
            || !int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var max)
            || min < 1 || max < min)
        {
            return false;
        }
        range = new TokenRange(min, max);
        return true;
    }

    /// <summary>As <see cref="TryParse"/> reads it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Min}..{Max}");
}
