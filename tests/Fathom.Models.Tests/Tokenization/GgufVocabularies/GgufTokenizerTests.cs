using Fathom.Models.Gguf;
using Fathom.Models.Tokenization;

namespace Fathom.Models.Tests.Tokenization.GgufVocabularies;

public class GgufTokenizerTests
{
    [Fact]
    public void Encode_OfSpecialTokens_ReadsControlTokensOnlyWhenAsked()
    {
        var tokenizer = Tokenizer.FromGguf(SmallVocabularies.ByteLevel());
        Assert.Equal([257, 'a', 256, 258], tokenizer.Encode("<|im_start|>a<|endoftext|><tool>", addSpecial: false, parseSpecial: true));
        var plain = tokenizer.Encode("<|im_start|><tool>", addSpecial: false, parseSpecial: false);
        Assert.DoesNotContain(257, plain);
        Assert.Equal(258, plain[^1]);
        Assert.Equal("<|im_start|><tool>", tokenizer.Decode(plain, skipSpecial: true));
    }

    [Fact]
    public void Encode_OfOverlappingSpecialTokens_TakesTheLongestAnywhereFirst()
    {
        var metadata = SmallVocabularies.ByteLevel();
        var tokens = metadata.GetStrings("tokenizer.ggml.tokens");
        metadata.Set("tokenizer.ggml.tokens", (string[])[.. tokens, "<x", "x><yy>"]);
        metadata.Set("tokenizer.ggml.token_type", (int[])[.. Enumerable.Repeat(1, tokens.Length), 4, 4]);
        var tokenizer = Tokenizer.FromGguf(metadata);
        Assert.Equal(['<', tokens.Length + 1], tokenizer.Encode("<x><yy>", false, false));
        Assert.Equal([tokens.Length, '>'], tokenizer.Encode("<x>", false, false));
    }

    [Fact]
    public void Encode_WithFlags_AddsBosAndEos()
    {
        var metadata = SmallVocabularies.ByteLevel();
        Assert.Equal(['a'], Tokenizer.FromGguf(metadata).Encode("a", addSpecial: true, parseSpecial: false));
        metadata.Set("tokenizer.ggml.add_bos_token", true);
        metadata.Set("tokenizer.ggml.add_eos_token", true);
        var tokenizer = Tokenizer.FromGguf(metadata);
        Assert.Equal([257, 'a', 256], tokenizer.Encode("a", addSpecial: true, parseSpecial: false));
        Assert.Equal([257, 256], tokenizer.Encode("", addSpecial: true, parseSpecial: false));
        Assert.Equal(['a'], tokenizer.Encode("a", addSpecial: false, parseSpecial: false));
    }

    [Fact]
    public void Encode_OfPhi3SpecialTokens_SwallowsTheWhiteSpaceBehindThem()
    {
        var metadata = SmallVocabularies.ByteLevel();
        metadata.Set("general.name", "Phi-3-mini");
        Assert.Equal([257, 'a'], Tokenizer.FromGguf(metadata).Encode("<|im_start|>\n a", false, parseSpecial: true));
    }

    [Fact]
    public void Encode_OfSentencePieceText_PutsASpaceAtTheStartAndBehindSpecialTokens()
    {
        var tokenizer = Tokenizer.FromGguf(SmallVocabularies.SentencePiece());
        Assert.Equal([1, 263, 263, 2, 263], tokenizer.Encode("hi hi</s>hi", addSpecial: true, parseSpecial: true));
        Assert.Equal([1], tokenizer.Encode("", addSpecial: true, parseSpecial: false));
        var metadata = SmallVocabularies.SentencePiece();
        metadata.Set("tokenizer.ggml.add_space_prefix", false);
        Assert.Equal([1, 262, 263], Tokenizer.FromGguf(metadata).Encode("hi hi", addSpecial: true, parseSpecial: false));
    }

    [Fact]
    public void Encode_OfTextThatLooksLikeAControlToken_NeverMakesIt()
    {
        var tokenizer = Tokenizer.FromGguf(SmallVocabularies.SentencePiece());
        var ids = tokenizer.Encode("</s><0x41>", addSpecial: false, parseSpecial: false);
        Assert.DoesNotContain(2, ids);
        Assert.Equal("</s><0x41>", tokenizer.Decode(ids, skipSpecial: true));
    }

    [Fact]
    public void Encode_OfLoneSurrogates_ReadsThemAsReplacementCharacters()
    {
        // Not theory data: attributes hold UTF-8, which has no lone surrogates.
        (string Text, string Expected)[] cases =
            [("\uD83D", "\uFFFD"), ("a\uDE00b", "a\uFFFDb"), ("\uDE00\uD83D", "\uFFFD\uFFFD"), ("\uD83D\uD83D\uDE00", "\uFFFD\U0001F600")];
        foreach (var metadata in (GgufMetadata[])[SmallVocabularies.ByteLevel(), SmallVocabularies.SentencePiece()])
        {
            var tokenizer = Tokenizer.FromGguf(metadata);
            foreach (var (text, expected) in cases)
                Assert.Equal(expected, tokenizer.Decode(tokenizer.Encode(text, false, false), skipSpecial: true));
        }
    }

    [Fact]
    public void IsEndOfGeneration_OfTokens_KnowsEosAndTheSpellingsOfTurnEnds()
    {
        var metadata = SmallVocabularies.ByteLevel();
        var tokens = metadata.GetStrings("tokenizer.ggml.tokens");
        tokens[1] = "<|im_end|>";
        tokens[2] = "<|eot_id|>";
        var tokenizer = Tokenizer.FromGguf(metadata);
        Assert.Equal([1, 2, 256], Enumerable.Range(0, tokenizer.VocabularySize).Where(tokenizer.IsEndOfGeneration));
        // By its spelling a control token, whatever the file says.
        Assert.True(tokenizer.IsControl(1));
    }

    [Fact]
    public void Encode_WithMergesThatMakeNoToken_FallsBackToTheParts()
    {
        var metadata = SmallVocabularies.ByteLevel();
        metadata.Set("tokenizer.ggml.merges", new[] { "x y", "xy z", "a b" });
        Assert.Equal(['x', 'y', 'z', 259], Tokenizer.FromGguf(metadata).Encode("xyzab", false, false));
    }

    public static TheoryData<string, string, string> Damages => new()
    {
        { "tokenizer.ggml.model", "drop", "absent" },
        { "tokenizer.ggml.model", "no-such-kind", "'no-such-kind' is not supported" },
        { "tokenizer.ggml.pre", "no-such-pre", "'no-such-pre' is not known" },
        { "tokenizer.ggml.tokens", "drop", "absent" },
        { "tokenizer.ggml.tokens", "numbers", "array of strings" },
        { "tokenizer.ggml.tokens", "twice", "stands twice" },
        { "tokenizer.ggml.tokens", "none", "0 entries" },
        { "tokenizer.ggml.merges", "drop", "absent" },
        { "tokenizer.ggml.merges", "one part", "two parts" },
        { "tokenizer.ggml.token_type", "short", "1 entries" },
        { "tokenizer.ggml.token_type", "texts", "array of integers" },
        { "tokenizer.ggml.eos_token_id", "far", "id 999999 is outside" },
        { "tokenizer.ggml.bos_token_id", "text", "integer" },
        { "tokenizer.ggml.add_bos_token", "text", "boolean" },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public void FromGguf_OfADamagedVocabulary_NamesFieldAndValue(string key, string damage, string problem)
    {
        var metadata = SmallVocabularies.ByteLevel();
        switch (damage)
        {
            case "drop": metadata.Remove(key); break;
            case "numbers": metadata.Set(key, new[] { 1, 2 }); break;
            case "twice": metadata.Set(key, new[] { "a", "b", "a" }); break;
            case "none": metadata.Set(key, Array.Empty<string>()); break;
            case "one part": metadata.Set(key, new[] { "a b", "abc" }); break;
            case "short": metadata.Set(key, new[] { 1 }); break;
            case "texts": metadata.Set(key, new[] { "1" }); break;
            case "far": metadata.Set(key, 999_999u); break;
            case "text": metadata.Set(key, "yes"); break;
            default: metadata.Set(key, damage); break;
        }

        AssertNames(metadata, key, problem);
    }

    [Theory]
    [InlineData("drop", "absent")]
    [InlineData("short", "1 entries")]
    [InlineData("nan", "not a number")]
    public void FromGguf_OfDamagedScores_NamesThem(string damage, string problem)
    {
        var metadata = SmallVocabularies.SentencePiece();
        if (damage == "drop")
            metadata.Remove("tokenizer.ggml.scores");
        else if (damage == "short")
            metadata.Set("tokenizer.ggml.scores", new[] { 1f });
        else
            metadata.Set("tokenizer.ggml.scores", Enumerable.Repeat(float.NaN, 300).ToArray());
        AssertNames(metadata, "tokenizer.ggml.scores", problem);
    }

    [Fact]
    public void FromGguf_WithAFlagButNoToken_IsRefused()
    {
        var metadata = SmallVocabularies.ByteLevel();
        metadata.Set("tokenizer.ggml.add_bos_token", true);
        metadata.Remove("tokenizer.ggml.bos_token_id");
        AssertNames(metadata, "tokenizer.ggml.add_bos_token", "bos_token_id is absent");
    }

    private static void AssertNames(GgufMetadata metadata, string key, string problem)
    {
        var thrown = Assert.ThrowsAny<ModelException>(() => Tokenizer.FromGguf(metadata));
        Assert.Equal(key, thrown.Field);
        Assert.Contains(problem, thrown.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', thrown.Message);
    }
}
