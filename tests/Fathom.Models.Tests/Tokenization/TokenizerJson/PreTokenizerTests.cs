namespace Fathom.Models.Tests.Tokenization.TokenizerJson;

/// <summary>How each pre-tokenizer cuts, seen through a model that knows the expected words only.</summary>
public class PreTokenizerTests
{
    [Theory]
    [InlineData("""{"type":"Whitespace"}""", "Hey, you²  _x-y", "Hey|,|you|²|_x|-|y")]
    [InlineData("""{"type":"WhitespaceSplit"}""", "Hey, you\u3000x", "Hey,|you|x")]
    [InlineData("""{"type":"BertPreTokenizer"}""", "Hey, (you)$€x", "Hey|,|(|you|)|$|€x")]
    [InlineData("""{"type":"Punctuation","behavior":"Isolated"}""", "a--b c", "a|-|-|b c")]
    [InlineData("""{"type":"Punctuation"}""", "a--b", "a|-|-|b")]
    [InlineData("""{"type":"Punctuation","behavior":"Contiguous"}""", "a--b", "a|--|b")]
    [InlineData("""{"type":"Punctuation","behavior":"Removed"}""", "a--b", "a|b")]
    [InlineData("""{"type":"Punctuation","behavior":"MergedWithPrevious"}""", "the-final--countdown", "the-|final-|-|countdown")]
    [InlineData("""{"type":"Punctuation","behavior":"MergedWithNext"}""", "the-final--countdown", "the|-final|-|-countdown")]
    [InlineData("""{"type":"Digits","individual_digits":true}""", "a12²b", "a|1|2|²|b")]
    [InlineData("""{"type":"Digits","individual_digits":false}""", "a12²b", "a|12²|b")]
    [InlineData("""{"type":"Split","pattern":{"String":"ab"},"behavior":"Isolated","invert":false}""", "xababy", "x|ab|ab|y")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"\\p{L}+"},"behavior":"Removed","invert":true}""", "ab 12 c", "ab|c")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"\\p{L}+"},"behavior":"Removed","invert":false}""", "ab 12 c", " 12 ")]
    [InlineData("""{"type":"CharDelimiterSplit","delimiter":"x"}""", "axbxxc", "a|b|c")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""", "Hey  you", "▁Hey|▁|▁you")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","add_prefix_space":false}""", "Hey you", "Hey|▁you")]
    [InlineData("""{"type":"Metaspace","replacement":"_","prepend_scheme":"always","split":false}""", "a b", "_a_b")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"}""", " a", "▁a")]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":true}""", "é x1", "ĠÃ©|Ġx|1")]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""", "é x", "Ã©Ġx")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Digits","individual_digits":true}]}""", "a1 2b", "a|1|2|b")]
    public void Split_OfAText_GivesThePieces(string preTokenizer, string text, string expected)
    {
        var words = expected.Split('|');
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(JsonTokenizers.WordLevel([.. words.Distinct()]), preTokenizer));
        Assert.Equal(words, tokenizer.Encode(text, addSpecial: false, parseSpecial: false).Select(tokenizer.TokenText));
    }

    [Fact]
    public void Metaspace_WithSchemeFirst_PrependsOnlyAtTheStartOfTheText()
    {
        var json = JsonTokenizers.Compose(
            JsonTokenizers.WordLevel("▁a", "a", "▁b"), """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}""",
            added: $"[{JsonTokenizers.Added("<x>", 4)}]");
        var tokenizer = JsonTokenizers.Parse(json);
        Assert.Equal(["▁a", "<x>", "a", "▁b"], tokenizer.Encode("a<x>a b", false, false).Select(tokenizer.TokenText));
        Assert.Equal(["<x>", "a"], tokenizer.Encode("<x>a", false, false).Select(tokenizer.TokenText));
    }
}
