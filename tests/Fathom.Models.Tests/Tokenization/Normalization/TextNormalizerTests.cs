using Fathom.Models.Tokenization;
using Fathom.Models.Tokenization.Normalization;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tests.Tokenization.Normalization;

public class TextNormalizerTests
{
    [Theory]
    [InlineData("\u0130STANBUL ΣΑΣ \U00010400", "i\u0307stanbul σασ \U00010428")]
    [InlineData("ẞ Ǆ", "ß ǆ")]
    public void Lowercase_OfAText_MapsEachCodePointByItself(string text, string expected) =>
        Assert.Equal(expected, Apply(new LowercaseNormalizer(), text));

    [Theory]
    [InlineData(true, true, true, true, "H\u00E9llo\tW\u0000orld 你好\u00AD", "hello world  你  好 ")]
    [InlineData(true, true, false, false, "\u00C9a\u0001b", "\u00C9ab")]
    [InlineData(false, false, true, false, "\u00E9 你\t", "e 你\t")]
    [InlineData(true, false, false, true, "A你\u3000B\uFFFD", "a你 b")]
    public void Bert_WithItsOptions_CleansTheText(bool clean, bool chinese, bool accents, bool lower, string text, string expected) =>
        Assert.Equal(expected, Apply(new BertNormalizer(clean, chinese, accents, lower), text));

    [Fact]
    public void StripAccents_OfAText_DropsMarksOnly() => Assert.Equal("e\u00E9a", Apply(FilterNormalizer.WithoutMarks, "e\u0301\u00E9a\u0903"));

    [Theory]
    [InlineData(true, false, "x \u00A0")]
    [InlineData(false, true, "\u3000 x")]
    [InlineData(true, true, "x")]
    public void Strip_OfEitherEnd_TakesWhiteSpace(bool left, bool right, string expected) =>
        Assert.Equal(expected, Apply(new StripNormalizer(left, right), "\u3000 x \u00A0"));

    [Fact]
    public void Replace_OfAPattern_ReplacesEveryMatch() =>
        Assert.Equal("a_b_", Apply(new ReplaceNormalizer(null, UnicodePattern.Parse(@"\s+"), "_"), "a  b\n"));

    [Fact]
    public void Nmt_OfControlsAndOddSpaces_FollowsSentencePiece() => Assert.Equal("ab c d ", Apply(new NmtNormalizer(), "a\u0001b\u200Bc\u2028d\uFEFF"));

    [Fact]
    public void Sequence_ThatDoublesTheTextAgainAndAgain_IsStopped()
    {
        var doubling = new ReplaceNormalizer("a", null, "aa");
        Assert.Throws<EffortException>(() => Apply(new NormalizerSequence([.. Enumerable.Repeat(doubling, 60)]), "a"));
    }

    private static string Apply(TextNormalizer normalizer, string text)
    {
        var stack = new PatternStack();
        stack.Refill(text.Length);
        return normalizer.Apply(text, stack);
    }
}
