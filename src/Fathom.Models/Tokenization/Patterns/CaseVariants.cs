using System.Text;

namespace Fathom.Models.Tokenization.Patterns;

/// <summary>What (?i) adds to a set: the code points that fold to the same one.</summary>
internal static class CaseVariants
{
    // Simple foldings that upper- and lowercasing one code point does not reach.
    private static readonly (int A, int B)[] Irregular =
    [
        ('s', 0x17F), ('S', 0x17F), ('k', 0x212A), ('K', 0x212A), (0xE5, 0x212B), (0xC5, 0x212B), (0xB5, 0x3BC), (0xB5, 0x39C),
        (0x3C9, 0x2126), (0x3A9, 0x2126), (0x3C3, 0x3C2), (0x3A3, 0x3C2), (0x1E61, 0x1E9B), (0x1E60, 0x1E9B), (0xDF, 0x1E9E),
    ];

    public static UnicodeSet Of(UnicodeSet set)
    {
        var variants = set;
        foreach (var (a, b) in Irregular)
        {
            if (set.Contains(a) || set.Contains(b))
                variants = variants.Union(UnicodeSet.Of(a, b));
        }

        foreach (var codePoint in set.Members())
        {
            if (!Rune.TryCreate(codePoint, out var rune) || !Rune.IsLetter(rune))
                continue;
            int lower = Rune.ToLowerInvariant(rune).Value, upper = Rune.ToUpperInvariant(rune).Value;
            if (!variants.Contains(lower))
                variants = variants.Union(UnicodeSet.Of(lower));
            if (!variants.Contains(upper))
                variants = variants.Union(UnicodeSet.Of(upper));
        }

        return variants;
    }
}
