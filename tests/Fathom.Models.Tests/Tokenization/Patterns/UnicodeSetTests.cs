using System.Globalization;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tests.Tokenization.Patterns;

public class UnicodeSetTests
{
    [Fact]
    public void Algebra_OfRandomSets_AgreesWithMembership()
    {
        var random = new Random(7);
        for (var round = 0; round < 200; round++)
        {
            var (a, b) = (RandomSet(random), RandomSet(random));
            var (union, both, not) = (a.Union(b), a.Intersect(b), a.Complement());
            for (var i = 0; i < 300; i++)
            {
                var codePoint = i % 2 == 0 ? random.Next(0x110000) : 0xFFF0 + random.Next(0x20);
                Assert.Equal(a.Contains(codePoint) || b.Contains(codePoint), union.Contains(codePoint));
                Assert.Equal(a.Contains(codePoint) && b.Contains(codePoint), both.Contains(codePoint));
                Assert.NotEqual(a.Contains(codePoint), not.Contains(codePoint));
            }

            Assert.Equal(!both.IsEmpty, a.Overlaps(b));
        }
    }

    [Fact]
    public void Categories_OfEveryCodePoint_AreThoseOfTheRuntime()
    {
        var letters = UnicodeProperties.Named("Letter");
        for (var codePoint = 0; codePoint < 0x110000; codePoint += codePoint < 0x3000 ? 1 : 37)
        {
            var category = CharUnicodeInfo.GetUnicodeCategory(codePoint);
            Assert.Equal(category <= UnicodeCategory.OtherLetter, letters.Contains(codePoint));
            Assert.True(UnicodeProperties.Of(category).Contains(codePoint));
        }
    }

    private static UnicodeSet RandomSet(Random random)
    {
        var set = UnicodeSet.Empty;
        for (var ranges = random.Next(6); ranges > 0; ranges--)
        {
            var first = random.Next(0x110000);
            set = set.Union(UnicodeSet.Range(first, Math.Min(0x10FFFF, first + random.Next(0x20000))));
        }

        return set;
    }
}
