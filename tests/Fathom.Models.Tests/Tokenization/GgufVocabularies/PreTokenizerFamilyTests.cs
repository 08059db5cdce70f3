using Fathom.Models.Tokenization.GgufVocabularies;
using Fathom.Models.Tokenization.WordModels;

namespace Fathom.Models.Tests.Tokenization.GgufVocabularies;

/// <summary>Expected cuts are worked out by hand from the patterns in the models' tokenizer.json; '|' marks a cut.</summary>
public class PreTokenizerFamilyTests
{
    [Theory]
    [InlineData("gpt-2", "Hello World's   12345!?\n\nx", "Hello| World|'s|  | 12345|!?|\n|\n|x")]
    [InlineData("gpt-2", "don't DON'T", "don|'t| DON|'|T")]
    [InlineData("starcoder", "ab 123x", "ab| |1|2|3|x")]
    [InlineData("llama-bpe", "I'M 1234!?\n\nx", "I|'M| |123|4|!?\n\n|x")]
    [InlineData("llama-bpe", "a\tb .c (d)", "a|\tb| .|c| (|d|)")]
    [InlineData("llama-bpe", "a  b \n  c   ", "a| | b| \n| | c|   ")]
    [InlineData("qwen2", "x 12'LL y", "x| |1|2|'LL| y")]
    [InlineData("qwen35", "re\u0301sume\u0301 a\u0301!", "re\u0301sume\u0301| a\u0301|!")]
    [InlineData("qwen2", "re\u0301sume\u0301", "re|\u0301sume|\u0301")]
    [InlineData("gpt-4o", "HelloWorld FOOBar's x/y//\n1234", "Hello|World| FOOBar's| x|/y|//\n|123|4")]
    [InlineData("tekken", "HelloWORLD's 12", "Hello|WORLD|'s| |1|2")]
    [InlineData("deepseek-v3", "ab12345 你好ab .net, x!\n", "ab|123|45| |你好|ab| .|net|,| x|!\n")]
    [InlineData("deepseek-llm", "ab 你好 x12\n é!", "ab| |你好| x|12|\n| é|!")]
    [InlineData("deepseek-coder", "ab 你好x!12\n", "ab| |你好|x|!|1|2|\n")]
    [InlineData("falcon", "a+b== 1234\n c", "a|+|b|==| |123|4|\n| c")]
    [InlineData("default", "a+b 1234", "a|+|b| |123|4")]
    [InlineData("bloom", "Hi, you (all) x", "Hi|,| you| (|all|)| x")]
    [InlineData("viking", "ab12 c3", "ab|1|2| c|3")]
    [InlineData("superbpe", "x1234567", "x|1|234|567")]
    [InlineData("tiny_aya", "1234567 Ab", "1|234|567| Ab")]
    [InlineData("bailingmoe", "a\n\nb'll", "a|\n\n|b|'ll")]
    [InlineData("seed-coder", "a!\n\nb", "a|!|\n\n|b")]
    [InlineData("exaone-moe", "a b c.\n\nd", "a b c|.\n|\n|d")]
    [InlineData("chameleon", "IMGIMGABZ<sentinel:12>x  y", "IMGIMGABZ|<|sentinel|:|1|2|>|x|  |y")]
    [InlineData("jais-2", "a   b", "a|  | b")]
    public void Cut_OfAText_IsThatOfThePattern(string name, string text, string expected)
    {
        var family = PreTokenizerFamily.Find(name);
        Assert.NotNull(family);
        var words = new WordCollector();
        WordSplitting.Encode(text, family.Patterns.ToArray(), words, EncodeScratch.For(text.Length), []);
        Assert.Equal(expected, string.Join('|', words.Words));
    }

    [Theory]
    [InlineData("llama-v3", "llama-bpe")]
    [InlineData("deepseek-r1-qwen", "qwen2")]
    [InlineData("refact", "starcoder")]
    [InlineData("command-r", "starcoder")]
    [InlineData("smollm", "starcoder")]
    [InlineData("mpt", "gpt-2")]
    [InlineData("olmo", "gpt-2")]
    [InlineData("phi-2", "gpt-2")]
    [InlineData("jina-v2-code", "gpt-2")]
    [InlineData("smaug-bpe", "dbrx")]
    [InlineData("llama4", "gpt-4o")]
    [InlineData("stablelm2", "qwen2")]
    public void Find_OfAnAlias_GivesItsFamily(string alias, string name)
    {
        var (found, family) = (PreTokenizerFamily.Find(alias), PreTokenizerFamily.Find(name));
        Assert.NotNull(found);
        Assert.Equal(family!.Patterns.Select(p => p.Source), found.Patterns.Select(p => p.Source));
        Assert.Equal(family.IgnoresMerges, found.IgnoresMerges);
        Assert.Equal(family.AddsBeginOfSequence, found.AddsBeginOfSequence);
    }

    [Fact]
    public void Find_OfAnUnknownName_GivesNothing() => Assert.Null(PreTokenizerFamily.Find("no-such-family"));

    private sealed class WordCollector : IWordModel
    {
        public List<string> Words { get; } = [];

        public bool SplitsAtMetaspace => false;

        public void Encode(ReadOnlySpan<char> word, EncodeScratch scratch, List<int> output) => Words.Add(word.ToString());
    }
}
