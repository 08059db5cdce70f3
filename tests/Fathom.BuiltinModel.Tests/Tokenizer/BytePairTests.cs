using Fathom.BuiltinModel.Tokenizer;

namespace Fathom.BuiltinModel.Tests.Tokenizer;

public sealed class BytePairTests
{
    private static readonly string[] s_specials = ["<|end|>"];

    [Fact]
    public void Train_FrequentPair_IsMergedFirst()
    {
        BytePairVocabulary vocabulary = BytePairTrainer.Train(["abab abab", "ab"], s_specials, 259);
        Assert.Equal([('a', 'b'), (256, 256)], vocabulary.Merges.Select(m => (m.Left, m.Right)));
        var tokens = new List<int>();
        vocabulary.Encode("abab", tokens);
        Assert.Equal([257], tokens);
        Assert.Equal("abab", vocabulary.Text(257));
        Assert.Equal(258, vocabulary.Special("<|end|>"));
    }

    [Fact]
    public void Train_EquallyFrequentPairs_TakesTheSmallerIds()
    {
        BytePairVocabulary vocabulary = BytePairTrainer.Train(["cd cd ab ab"], s_specials, 258);
        Assert.Equal([(' ', 'a')], vocabulary.Merges.Select(m => (m.Left, m.Right)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Once upon a time, there's a fox.\n\n\"Hi!\"  two  spaces ")]
    [InlineData("Zażółć gęślą jaźń 日本語 🦊 \t\r\n 123")]
    public void Decode_OfEncode_GivesTheText(string text)
    {
        BytePairVocabulary vocabulary = BytePairTrainer.Train(["Once upon a time there was a fox. Once there was a fox."], s_specials, 280);
        var tokens = new List<int>();
        vocabulary.Encode(text, tokens);
        Assert.Equal(text, vocabulary.Decode(tokens));
    }

    [Fact]
    public void Split_FollowsGpt2()
    {
        Assert.Equal(["It", "'s", " a", " fox", ".", "\n", "\n", "No", " 12", "a", "  ", " b"], BytePairVocabulary.Split("It's a fox.\n\nNo 12a   b"));
    }
}
