using System.Text;
using Fathom.Serving.Detokenization;
using Fathom.Serving.Requests;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.Detokenization;

public class ChoiceTextTests
{
    [Fact]
    public void Append_NoStops_GivesWholeCharactersAtOnce()
    {
        var text = new ChoiceText(new ByteTokenizer(), []);
        StringBuilder all = new();
        foreach (byte b in "aé😀z"u8)
        {
            text.Append(Token(b), looksForStops: true);
            Assert.DoesNotContain('\uFFFD', text.Text.ToString());
            all.Append(text.Text);
        }

        Assert.Equal("aé😀z", all.ToString());
    }

    [Fact]
    public void Append_StopAcrossTokens_EmitsOnlyWhatIsBefore()
    {
        (string text, int[] tokens, string? stop) = Feed("one STOP two", ["STOP"]);

        Assert.Equal("one ", text);
        Assert.Equal("one ".Select(c => (int)c), tokens);
        Assert.Equal("STOP", stop);
    }

    [Fact]
    public void Append_HalfAStopThatDoesNotComplete_IsEmittedInTheEnd()
    {
        Assert.Equal(("STO and ST", null), Feed("STO and ST", ["STOP"]) is var (text, _, stop) ? (text, stop) : default);
    }

    [Fact]
    public void Append_StopThatBeginsInItself_IsFound()
    {
        Assert.Equal("xaa", Feed("xaaaab", ["aab"]).Text);
        Assert.Equal("ab", Feed("abababc", ["ababc"]).Text);
    }

    [Fact]
    public void Append_SeveralStops_TheFirstInTheTextCounts()
    {
        (string text, _, string? stop) = Feed("abc def", ["def", "c d"]);

        Assert.Equal("ab", text);
        Assert.Equal("c d", stop);
    }

    [Fact]
    public void Append_StopOfWideCharacters_HoldsTheirTokens()
    {
        (string text, int[] tokens, string? stop) = Feed("hi 😀😀!", ["😀😀"]);

        Assert.Equal("hi ", text);
        Assert.Equal(3, tokens.Length);
        Assert.Equal("😀😀", stop);
    }

    [Fact]
    public void Append_StopsDoNotCountYet_NothingIsHeld()
    {
        var text = new ChoiceText(new ByteTokenizer(), ["ab"]);

        Assert.Null(text.Append(Token('a'), looksForStops: false));
        Assert.Equal("a", text.Text.ToString());
        Assert.Null(text.Append(Token('b'), looksForStops: false));
        Assert.Equal("b", text.Text.ToString());
    }

    [Fact]
    public void Finish_HalfACharacter_GivesTheReplacement()
    {
        var text = new ChoiceText(new ByteTokenizer(), []);
        text.Append(Token(0xE2), looksForStops: true);
        Assert.Equal("", text.Text.ToString());

        text.Finish(looksForStops: true);

        Assert.Equal("\uFFFD", text.Text.ToString());
        Assert.Equal(1, text.Tokens.Length);
    }

    [Fact]
    public void Append_RandomTexts_AgreeWithSearchingTheWhole()
    {
        var random = new Random(8);
        for (int trial = 0; trial < 2_000; trial++)
        {
            string whole = Letters(random, random.Next(40));
            string[] stops = [.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => Letters(random, 1 + random.Next(4)))];
            int[] ends = [.. stops.Select(stop => whole.IndexOf(stop, StringComparison.Ordinal) is var at and >= 0 ? at + stop.Length : int.MaxValue)];

            (string text, int[] tokens, string? stop) = Feed(whole, stops);

            if (stop is null)
            {
                Assert.All(ends, end => Assert.Equal(int.MaxValue, end));
                Assert.Equal(whole, text);
            }
            else
            {
                // Byte by byte, the stop that is complete first wins; of several, the one that began first.
                int end = ends.Min();
                Assert.Equal(whole[..end], text + stop);
                Assert.DoesNotContain(stops, other => whole[..end].EndsWith(other, StringComparison.Ordinal) && other.Length > stop.Length);
            }

            Assert.Equal(text.Length, tokens.Length);
        }
    }

    private static string Letters(Random random, int length) => string.Concat(Enumerable.Range(0, length).Select(_ => "abc"[random.Next(3)]));

    private static (string Text, int[] Tokens, string? Stop) Feed(string whole, string[] stops)
    {
        var text = new ChoiceText(new ByteTokenizer(), stops);
        var emitted = new StringBuilder();
        var tokens = new List<int>();
        foreach (byte b in Encoding.UTF8.GetBytes(whole))
        {
            string? stop = text.Append(Token(b), looksForStops: true);
            Take();
            if (stop is not null)
                return (emitted.ToString(), [.. tokens], stop);
        }

        string? last = text.Finish(looksForStops: true);
        Take();
        return (emitted.ToString(), [.. tokens], last);

        void Take()
        {
            emitted.Append(text.Text);
            foreach (EmittedToken token in text.Tokens)
                tokens.Add(token.Token);
        }
    }

    private static EmittedToken Token(int id) => new(id, 0, []);
}
