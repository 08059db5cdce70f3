using Fathom.Models.Tokenization;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tests.Tokenization.Patterns;

public class UnicodePatternTests
{
    [Theory]
    // Order of branches, greedy runs, giving back.
    [InlineData("a|ab", "abab", "a,a")]
    [InlineData("ab|a", "abab", "ab,ab")]
    [InlineData("a+ab", "aaab", "aaab")]
    [InlineData("(?:a|b)+b", "abbab", "abbab")]
    [InlineData(@"\s+(?!\S)|\s+", "  x ", " , , ")]
    [InlineData(@"\s*[\r\n]+", " \n \n  x", " \n \n")]
    // Lazy, possessive, intervals.
    [InlineData("a+?b|a", "aab", "aab")]
    [InlineData("a++a", "aaa", "")]
    [InlineData("(?>a|ab)c", "abcac", "ac")]
    [InlineData("a{2}", "aaaaa", "aa,aa")]
    [InlineData("a{2,}b?", "aaab", "aaab")]
    [InlineData("a{,2}b", "aaab", "aab")]
    [InlineData("a{x", "a{x", "a{x")]
    [InlineData(@"\p{N}{1,3}", "12345", "123,45")]
    // Groups, look-around, anchors.
    [InlineData("(?i:ab)c", "ABc abC", "ABc")]
    [InlineData("(?i)k", "kK\u212A", "k,K,\u212A")]
    [InlineData("(?<=a)b", "abbb", "b")]
    [InlineData("(?<!a)b", "abb", "b")]
    [InlineData("(?=b)", "ab", "")]
    [InlineData("^b|b$", "b\nab", "b,b")]
    [InlineData(@"\Ab|b\z", "bbb", "b,b")]
    [InlineData(@"\bab\b", "ab abc ab", "ab,ab")]
    // Classes.
    [InlineData(@"[^\s\p{L}]+", "a1!b", "1!")]
    [InlineData("[a-c-]+", "ab-cd", "ab-c")]
    [InlineData(@"[\]\-x]+", "]-x", "]-x")]
    [InlineData("[]a]+", "]a", "]a")]
    [InlineData(@"[\p{L}&&[^a-c]]+", "abcdé", "dé")]
    [InlineData(@"\p{^L}\P{L}", "a12b", "12")]
    [InlineData(@"[[:digit:]]+", "12x", "12")]
    // Code points above U+FFFF are one letter, one symbol.
    [InlineData(@"\p{L}+", "x\U0001D400\U00020000!", "x\U0001D400\U00020000")]
    [InlineData(@"[^\p{L}]", "\U0001F600a", "\U0001F600")]
    [InlineData(@"\p{L}.", "\U0001D400\U0001F600", "\U0001D400\U0001F600")]
    [InlineData(@"\x{1F600}{2}", "\U0001F600\U0001F600", "\U0001F600\U0001F600")]
    [InlineData("(?<=\U0001F600)b", "\U0001F600b", "b")]
    // \s is the White_Space property, \d the decimal digits.
    [InlineData(@"\s+", "a\u0085\u00A0\u2003\u3000b\u200B\u001C", "\u0085\u00A0\u2003\u3000")]
    [InlineData(@"\d+", "1٣²½", "1٣")]
    public void Matches_OfAPattern_AreAsWritten(string pattern, string text, string expected) =>
        Assert.Equal(expected, string.Join(',', Matches(pattern, text).Where(m => m.Length > 0)));

    [Fact]
    public void Matches_ThatAreEmpty_StandOnlyWhereNoMatchJustEnded()
    {
        // Every three digits from the right, as in "1234567" cut to 1|234|567.
        Assert.Equal([1, 4], Starts(@"(?=(\d{3})+(?!\d))", "1234567").Where(s => s > 0));
        Assert.Equal([0, 3], Starts("x*", "xxa"));
    }

    [Theory]
    [InlineData("(a", "unclosed group")]
    [InlineData("a)", "unmatched ')'")]
    [InlineData("[a", "unclosed character class")]
    [InlineData("*a", "nothing to repeat")]
    [InlineData(@"\p{Klingon}", "unknown Unicode property 'Klingon'")]
    [InlineData(@"(a)\1", "references")]
    [InlineData(@"\q", @"escape \q")]
    [InlineData("(?<n>a)", "unknown kind of group")]
    [InlineData("(a*)*", "endless repeat")]
    [InlineData("a{2,1}", "out of order")]
    [InlineData("a{9999}", "above 1000")]
    [InlineData("[b-a]", "backwards")]
    [InlineData("(?<=a+)b", "varying length")]
    [InlineData("(((a{900}){900}){900})", "more than")]
    [InlineData("(?:(?:(?:(?:){1000}){1000}){1000})", "more than")]
    [InlineData("a????????????????????", "in a row")]
    public void Parse_OfABadPattern_SaysWhatIsWrong(string pattern, string problem)
    {
        var thrown = Assert.Throws<PatternSyntaxException>(() => UnicodePattern.Parse(pattern));
        Assert.Contains(problem, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_OfDeepNesting_IsRefused()
    {
        Assert.Throws<PatternSyntaxException>(() => UnicodePattern.Parse(new string('(', 5000) + new string(')', 5000)));
        Assert.Throws<PatternSyntaxException>(() => UnicodePattern.Parse(new string('[', 5000) + new string(']', 5000)));
    }

    [Fact]
    public void TryFind_WithAPatternThatBacktracksWithoutEnd_GivesUp() =>
        Assert.Throws<EffortException>(() => Matches("(?:(?:a|aa)+)+b", new string('a', 5000)));

    [Theory]
    [InlineData(@"\s+$")]
    [InlineData(@"\s+\z")]
    [InlineData(@"\s*[\r\n]+|\s+(?!\S)|\s+")]
    [InlineData(@"[0-9][0-9][0-9]")]
    public void TryFind_InLongRunsOfSpaces_TakesStepsInProportion(string pattern)
    {
        var text = new string(' ', 200_000) + "x";
        var stack = new PatternStack();
        stack.Refill(text.Length);
        var before = stack.StepsLeft;
        var matches = new PatternMatches(UnicodePattern.Parse(pattern), text, stack);
        while (matches.MoveNext())
        {
        }

        Assert.InRange(before - stack.StepsLeft, 0, 20L * text.Length);
    }

    private static List<string> Matches(string pattern, string text)
    {
        var found = new List<string>();
        var stack = new PatternStack();
        stack.Refill(text.Length);
        var matches = new PatternMatches(UnicodePattern.Parse(pattern), text, stack);
        while (matches.MoveNext())
            found.Add(text[matches.Start..matches.End]);
        return found;
    }

    private static List<int> Starts(string pattern, string text)
    {
        var found = new List<int>();
        var stack = new PatternStack();
        stack.Refill(text.Length);
        var matches = new PatternMatches(UnicodePattern.Parse(pattern), text, stack);
        while (matches.MoveNext())
            found.Add(matches.Start);
        return found;
    }
}
