using Fathom.Models.Tokenization;

namespace Fathom.Models.Tests.Tokenization.TokenizerJson;

public class HuggingFaceTokenizerTests
{
    private const string Bert = """{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}""";

    [Fact]
    public void Bert_FromTextToTokensAndBack_HasItsSpecialTokensAndSpaces()
    {
        string[] tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "hello", "world", "##s", ",", "你", "un", "##aff", "##able", "."];
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(
            $$"""{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{{JsonTokenizers.Vocabulary(tokens)}}}""",
            """{"type":"BertPreTokenizer"}""", Bert, """{"type":"WordPiece","prefix":"##","cleanup":true}""",
            """
            {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],
            "pair":[],"special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}}
            """,
            $"[{JsonTokenizers.Added("[CLS]", 2, special: true)},{JsonTokenizers.Added("[SEP]", 3, special: true)}]"));
        var ids = tokenizer.Encode("H\u00E9llo, worlds 你 unaffable. zzz", addSpecial: true, parseSpecial: false);
        Assert.Equal([2, 4, 7, 5, 6, 8, 9, 10, 11, 12, 1, 3], ids);
        Assert.Equal("hello, worlds 你 unaffable. [UNK]", tokenizer.Decode(ids, skipSpecial: true));
        Assert.Equal("[CLS] hello, worlds 你 unaffable. [UNK] [SEP]", tokenizer.Decode(ids, skipSpecial: false));
    }

    [Theory]
    [InlineData("""{"type":"BertProcessing","sep":["</s>",3],"cls":["<s>",2]}""", new[] { 2, 0, 3 })]
    [InlineData("""{"type":"RobertaProcessing","sep":["</s>",3],"cls":["<s>",2],"trim_offsets":true,"add_prefix_space":true}""", new[] { 2, 0, 3 })]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true}""", new[] { 0 })]
    [InlineData("""{"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"BertProcessing","sep":["</s>",3],"cls":["<s>",2]},{"type":"BertProcessing","sep":["a",0],"cls":["b",1]}]}""",
        new[] { 1, 2, 0, 3, 0 })]
    public void PostProcessor_OfEachKind_PutsItsTokensAround(string processor, int[] expected)
    {
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(JsonTokenizers.WordLevel("a", "b", "<s>", "</s>"), postProcessor: processor));
        Assert.Equal(expected, tokenizer.Encode("a", addSpecial: true, parseSpecial: false));
        Assert.Equal([0], tokenizer.Encode("a", addSpecial: false, parseSpecial: false));
    }

    [Fact]
    public void AddedTokens_InAText_AreFoundFromTheLeftLongestFirst()
    {
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(
            JsonTokenizers.WordLevel("x", " x", "x "), added: $"[{JsonTokenizers.Added("<a>", 4)},{JsonTokenizers.Added("<a><b>", 5)},{JsonTokenizers.Added("b><c", 6)}]"));
        Assert.Equal([5, 4, 0], tokenizer.Encode("<a><b><a>x", false, false));
        Assert.Equal([0, 6, 3], tokenizer.Encode("xb><c>", false, false));
    }

    [Fact]
    public void AddedTokens_ThatStrip_TakeWhiteSpaceAlong()
    {
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(
            JsonTokenizers.WordLevel("x", " x", "x "),
            added: $"[{JsonTokenizers.Added("<l>", 4, lstrip: true)},{JsonTokenizers.Added("<r>", 5, rstrip: true)},{JsonTokenizers.Added("<n>", 6)}]"));
        Assert.Equal([0, 4, 1, 5, 0, 6, 1], tokenizer.Encode("x \u3000<l> x<r>\n x<n> x", false, false));
        Assert.Equal([2, 6], tokenizer.Encode("x <n>", false, false));
        Assert.Equal([5, 4, 0], tokenizer.Encode("<r>  <l>x", false, false));
    }

    [Fact]
    public void AddedTokens_OfSingleWords_DoNotStandInsideOthers()
    {
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(
            JsonTokenizers.WordLevel("xab", "ab1", "-", "\u200D"), added: $"[{JsonTokenizers.Added("ab", 5, singleWord: true)}]"));
        Assert.Equal([0], tokenizer.Encode("xab", false, false));
        Assert.Equal([1], tokenizer.Encode("ab1", false, false));
        Assert.Equal([2, 5, 2], tokenizer.Encode("-ab-", false, false));
    }

    [Fact]
    public void AddedTokens_ThatAreNormalized_AreFoundInTheNormalizedText()
    {
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(
            JsonTokenizers.WordLevel("a ", "x"), normalizer: """{"type":"Lowercase"}""",
            added: $"[{JsonTokenizers.Added("Day", 3, normalized: true)},{JsonTokenizers.Added("[NO]", 4)}]"));
        Assert.Equal([0, 3], tokenizer.Encode("A DAY", false, false));
        Assert.Equal([4, 1], tokenizer.Encode("[NO]X", false, false));
        Assert.Equal([2], tokenizer.Encode("[no]X", false, false));
    }

    [Fact]
    public void SpecialTokens_InTextFromUsers_StayText()
    {
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(
            JsonTokenizers.WordLevel("<|im_end|>", "x"), added: $"[{JsonTokenizers.Added("<|im_end|>", 0, special: true)},{JsonTokenizers.Added("<tool>", 3)}]"));
        Assert.Equal([0, 3], tokenizer.Encode("<|im_end|><tool>", addSpecial: false, parseSpecial: true));
        Assert.DoesNotContain(2, tokenizer.Encode("x", false, false));
        Assert.True(tokenizer.IsControl(0));
        Assert.True(tokenizer.IsEndOfGeneration(0));
        Assert.False(tokenizer.IsControl(3));
        Assert.Equal("<tool>", tokenizer.Decode([0, 3], skipSpecial: true).Trim());
    }

    [Fact]
    public void Llama3_WithByteLevelBpe_IgnoresMergesAndSplitsByItsPattern()
    {
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(
            """
            {"type":"BPE","ignore_merges":true,"vocab":{"Ġ":0,"a":1,"b":2,"c":3,"ab":4,"abc":5,"Ġabc":6,"1":7,"Ã":8,"©":9,"Ã©":10},
            "merges":["a b","Ã ©"]}
            """,
            $$"""{"type":"Sequence","pretokenizers":[{{JsonTokenizers.Llama3Split}},{{JsonTokenizers.ByteLevelOnly}}]}""",
            decoder: """{"type":"ByteLevel"}"""));
        Assert.Equal([5, 6, 0, 7, 7, 7, 7, 4, 1, 10], tokenizer.Encode("abc abc 1111abaé", false, false));
        Assert.Equal("abc abc 1111abaé", tokenizer.Decode([5, 6, 0, 7, 7, 7, 7, 4, 1, 10], true));
    }

    [Fact]
    public void Clip_WithByteLevelAndAnEndOfWordSuffix_MarksTheLastLetter()
    {
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(
            """{"type":"BPE","end_of_word_suffix":"</w>","vocab":{"a":0,"a</w>":1,"Ã":2,"©</w>":3,"Ã©</w>":4,"aa</w>":5},"merges":["Ã ©</w>","a a</w>"]}""",
            """
            {"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"[\\p{L}]+|[^\\s\\p{L}]+"},"behavior":"Removed","invert":true},
            {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true}]}
            """,
            """{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "},{"type":"Lowercase"}]}"""));
        Assert.Equal([0, 5, 0, 4, 1], tokenizer.Encode("AAA  ae\u0301\na", false, false));
    }

    [Fact]
    public void Unigram_WithMetaspace_GoesBackToTheText()
    {
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(
            """{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["▁",-2.0],["▁he",-3.0],["llo",-3.5],["▁hello",-5.0],["l",-4.0],["o",-4.0]]}""",
            """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""",
            """{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]}""",
            """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}"""));
        var ids = tokenizer.Encode("hello   ｈｅllo", false, false);
        Assert.Equal([4, 4], ids);
        Assert.Equal("hello hello", tokenizer.Decode(ids, true));
        Assert.Equal([1, 0], tokenizer.Encode("zzz", false, false));
    }

    [Fact]
    public void Decode_WithoutDecoder_SetsTokensApart()
    {
        var tokenizer = JsonTokenizers.Parse(JsonTokenizers.Compose(JsonTokenizers.WordLevel("a", "b")));
        Assert.Equal("a b a", tokenizer.Decode([0, 1, 0], true));
    }

    [Fact]
    public void FromHuggingFace_OfAFolder_TakesBosAndEosFromTheFilesBeside()
    {
        using var folder = new TemporaryFolder();
        var added = $"[{JsonTokenizers.Added("<s>", 3, special: true)},{JsonTokenizers.Added("</e>", 4, special: true)},{JsonTokenizers.Added("<|x|>", 5, special: true)}]";
        File.WriteAllText(folder.File("tokenizer.json"), JsonTokenizers.Compose(JsonTokenizers.WordLevel("a", "b"), added: added, postProcessor:
            """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[3],"tokens":["<s>"]}}}"""));
        File.WriteAllText(folder.File("tokenizer_config.json"), """{"bos_token":{"content":"<s>"},"eos_token":"</e>"}""");
        File.WriteAllText(folder.File("generation_config.json"), """{"eos_token_id":[4,5,999]}""");
        var tokenizer = Tokenizer.FromHuggingFace(folder.Path);
        Assert.Equal(6, tokenizer.VocabularySize);
        Assert.Equal(3, tokenizer.BeginOfSequence);
        Assert.Equal(4, tokenizer.EndOfSequence);
        Assert.True(tokenizer.AddsBeginOfSequence);
        Assert.Equal([false, false, false, false, true, true], Enumerable.Range(0, 6).Select(tokenizer.IsEndOfGeneration));
        Assert.Equal([3, 0], tokenizer.Encode("a", addSpecial: true, parseSpecial: false));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.TokenText(6));
    }
}
