using System.Text;

namespace Fathom.Models.Tokenization.Normalization;

/// <summary>The four normalization forms of Unicode Standard Annex 15.</summary>
/// <remarks>
/// .NET's string.Normalize leaves text as it is when an application runs in globalization-invariant mode, as most do in
/// containers, and tokens must not depend on that; so the data is our own.
/// </remarks>
internal static class UnicodeNormalizer
{
    private const int HangulFirst = 0xAC00, LeadFirst = 0x1100, VowelFirst = 0x1161, TailBefore = 0x11A7;
    private const int Leads = 19, Vowels = 21, Tails = 28, Syllables = Leads * Vowels * Tails;
    private static readonly Lazy<UnicodeNormalizationData> Data = new(UnicodeNormalizationData.Read);

    /// <summary>The text in a normalization form.</summary>
    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="form">Which of the four.</param>
    public static string Normalize(string text, NormalizationForm form)
    {
        // No character below U+0300 changes under composition with its like, none below U+00C0 decomposes canonically, none below U+00A0 at all.
        var compatible = form is NormalizationForm.FormKC or NormalizationForm.FormKD;
        var composes = form is NormalizationForm.FormC or NormalizationForm.FormKC;
        var safeBelow = form == NormalizationForm.FormC ? '\u0300' : compatible ? '\u00A0' : '\u00C0';
        if (!text.AsSpan().ContainsAnyInRange(safeBelow, '\uFFFF'))
            return text;

        var points = new List<int>(text.Length + 16);
        foreach (var rune in text.EnumerateRunes())
            Decompose(rune.Value, compatible, points);
        Order(points);
        if (composes)
            Compose(points);
        var result = new StringBuilder(points.Count);
        foreach (var point in points)
            result.Append(new Rune(point).ToString());
        return result.ToString();
    }

    private static void Decompose(int point, bool compatible, List<int> output)
    {
        if ((uint)(point - HangulFirst) < Syllables)
        {
            var index = point - HangulFirst;
            output.Add(LeadFirst + (index / (Vowels * Tails)));
            output.Add(VowelFirst + (index % (Vowels * Tails) / Tails));
            if (index % Tails != 0)
                output.Add(TailBefore + (index % Tails));
            return;
        }

        if (point >= 0xA0 && Data.Value.TryDecompose(point, compatible, out var parts))
            output.AddRange(parts);
        else
            output.Add(point);
    }

    /// <summary>Sorts each run of combining marks by class, keeping the order of equals.</summary>
    private static void Order(List<int> points)
    {
        for (var start = 0; start < points.Count; start++)
        {
            if (Class(points[start]) == 0)
                continue;
            var end = start + 1;
            var sorted = true;
            for (; end < points.Count && Class(points[end]) is > 0 and var next; end++)
                sorted &= Class(points[end - 1]) <= next;
            if (!sorted)
            {
                var run = points.GetRange(start, end - start).OrderBy(Class).ToArray();
                for (var i = 0; i < run.Length; i++)
                    points[start + i] = run[i];
            }

            start = end;
        }
    }

    private static void Compose(List<int> points)
    {
        int kept = 0, starter = -1, lastClass = -1;
        for (var i = 0; i < points.Count; i++)
        {
            var point = points[i];
            var own = Class(point);
            // A mark is blocked from its starter by a mark of the same or a higher class between, a starter by anything between.
            if (starter >= 0 && (lastClass < own || lastClass == -1) && TryPair(points[starter], point, out var whole))
            {
                points[starter] = whole;
                continue;
            }

            if (own == 0)
            {
                starter = kept;
                lastClass = -1;
            }
            else
            {
                lastClass = own;
            }

            points[kept++] = point;
        }

        points.RemoveRange(kept, points.Count - kept);
    }

    private static bool TryPair(int first, int second, out int whole)
    {
        if ((uint)(first - LeadFirst) < Leads && (uint)(second - VowelFirst) < Vowels)
        {
            whole = HangulFirst + ((((first - LeadFirst) * Vowels) + (second - VowelFirst)) * Tails);
            return true;
        }

        if ((uint)(first - HangulFirst) < Syllables && (first - HangulFirst) % Tails == 0 && second - TailBefore is > 0 and < Tails)
        {
            whole = first + (second - TailBefore);
            return true;
        }

        return Data.Value.TryCompose(first, second, out whole);
    }

    private static int Class(int point) => point < 0x300 ? 0 : Data.Value.CombiningClass(point);
}
