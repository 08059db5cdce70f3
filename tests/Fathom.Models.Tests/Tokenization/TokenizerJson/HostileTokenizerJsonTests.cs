using System.Diagnostics;
using System.Text;
using Fathom.Models.Tokenization.TokenizerJson;

namespace Fathom.Models.Tests.Tokenization.TokenizerJson;

public class HostileTokenizerJsonTests
{
    private const string Word = """{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}""";

    public static TheoryData<string, string, string> Bad => new()
    {
        { "", "line 1", "not JSON" },
        { "{", "line 1", "not JSON" },
        { "[]", "(root)", "an object" },
        { "{}", "model", "absent" },
        { """{"version":"2.0"}""", "version", "'2.0' is not supported" },
        { """{"model":7}""", "model", "an object, is 7" },
        { """{"model":{"type":"Magic"}}""", "model.type", "'Magic' is not known" },
        { """{"model":{"type":"BPE","vocab":{"a":0}}}""", "model.merges", "absent" },
        { """{"model":{"type":"BPE","vocab":[],"merges":[]}}""", "model.vocab", "an object, is an array" },
        { """{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}""", "model.vocab.a", "a token id, is -1" },
        { """{"model":{"type":"BPE","vocab":{"a":"x"},"merges":[]}}""", "model.vocab.a", "a token id" },
        { """{"model":{"type":"BPE","vocab":{"a":2000000000},"merges":[]}}""", "model.vocab", "id 2000000000 is far outside" },
        { """{"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}""", "model.vocab", "both have id 0" },
        { """{"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}}""", "model.vocab", "'a' stands twice" },
        { """{"model":{"type":"BPE","vocab":{},"merges":[]}}""", "model.vocab", "no token" },
        { """{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}""", "model.merges", "needs token 'b'" },
        { """{"model":{"type":"BPE","vocab":{"a":0},"merges":["ab"]}}""", "model.merges", "not two parts" },
        { """{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a"]]}}""", "model.merges", "merge 0" },
        { """{"model":{"type":"BPE","vocab":{"a":0},"merges":{},"dropout":null}}""", "model.merges", "an array" },
        { """{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}""", "model.dropout", "0.1" },
        { """{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"byte_fallback":"yes"}}""", "model.byte_fallback", "true or false" },
        { """{"model":{"type":"BPE","vocab":{"\ud800":0},"merges":[]}}""", "model.vocab", "half a surrogate" },
        { """{"model":{"type":"WordPiece","vocab":{"a":0},"unk_token":"[UNK]"}}""", "model.unk_token", "'[UNK]' is not in" },
        { """{"model":{"type":"Unigram","vocab":[["a",-1],["a",-2]]}}""", "model.vocab", "stands twice" },
        { """{"model":{"type":"Unigram","vocab":[["a"]]}}""", "model.vocab", "entry 0" },
        { """{"model":{"type":"Unigram","vocab":[["a",1e999]]}}""", "model.vocab", "entry 0" },
        { """{"model":{"type":"Unigram","vocab":[["a",-1]],"unk_id":1}}""", "model.unk_id", "0 to 0, is 1" },
        { Part("normalizer", """{"type":"Shout"}"""), "normalizer.type", "'Shout' is not known" },
        { Part("normalizer", """{"type":"Precompiled","precompiled_charsmap":"?"}"""), "normalizer.precompiled_charsmap", "base64" },
        { Part("normalizer", """{"type":"Precompiled","precompiled_charsmap":"AAAA"}"""), "normalizer.precompiled_charsmap", "3 bytes" },
        { Part("normalizer", """{"type":"Replace","pattern":{"Regex":"(a"},"content":""}"""), "normalizer.pattern.Regex", "unclosed group" },
        { Part("normalizer", """{"type":"Replace","pattern":{"String":""},"content":""}"""), "normalizer.pattern.String", "empty" },
        { Part("pre_tokenizer", """{"type":"Split","pattern":{"Regex":"a"},"behavior":"Sideways","invert":false}"""), "pre_tokenizer.behavior", "'Sideways'" },
        { Part("pre_tokenizer", """{"type":"Metaspace","replacement":"ab"}"""), "pre_tokenizer.replacement", "single character" },
        { Part("pre_tokenizer", """{"type":"Sequence","pretokenizers":[{"type":"X"}]}"""), "pre_tokenizer.pretokenizers[0].type", "'X'" },
        { Part("decoder", """{"type":"CTC"}"""), "decoder.type", "'CTC' is not known" },
        { Part("decoder", """{"type":"Strip","content":" ","start":-1,"stop":0}"""), "decoder.start", "is -1" },
        { Part("post_processor", """{"type":"BertProcessing","sep":["x",9],"cls":["a",0]}"""), "post_processor.sep[1]", "id 9 is no token" },
        {
            Part("post_processor", """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"q"}}],"special_tokens":{}}"""),
            "post_processor.single[0].SpecialToken.id", "'q' is not among"
        },
        { Part("post_processor", """{"type":"TemplateProcessing","single":[],"special_tokens":{}}"""), "post_processor.single", "0 times" },
        { Part("added_tokens", """[{"id":0,"content":"zz"}]"""), "model.vocab", "both have id 0" },
        { Part("added_tokens", """[{"content":"zz"}]"""), "added_tokens[0].id", "absent" },
        { Part("added_tokens", """[{"id":5,"content":"zz"},{"id":5,"content":"yy"}]"""), "added_tokens[1]", "id 5" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Read_OfABadFile_NamesFieldAndProblem(string json, string field, string problem)
    {
        var thrown = Assert.ThrowsAny<ModelException>(() => JsonTokenizers.Parse(json));
        Assert.Equal(field, thrown.Field);
        Assert.Contains(problem, thrown.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', thrown.Message);
    }

    [Fact]
    public void Read_OfAFolderWithoutTokenizer_SaysSo()
    {
        using var folder = new TemporaryFolder();
        var thrown = Assert.ThrowsAny<ModelException>(() => Fathom.Models.Tokenization.Tokenizer.FromHuggingFace(folder.Path));
        Assert.Contains("is absent", thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("normalizer", """{"type":"Sequence","normalizers":[@]}""", """{"type":"Replace","pattern":{"String":"a"},"content":"aa"}""", 60)]
    [InlineData("decoder", """{"type":"Sequence","decoders":[@]}""", """{"type":"Replace","pattern":{"String":"a"},"content":"aa"}""", 30)]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[@]}""", """{"type":"ByteLevel"}""", 60)]
    [InlineData("pre_tokenizer", """{"type":"Sequence","pretokenizers":[@]}""", """{"type":"Whitespace"}""", 20_000)]
    public void Parts_ThatMultiplyTheText_AreRefusedInsteadOfFillingTheMemory(string part, string sequence, string step, int count)
    {
        var json = Part(part, sequence.Replace("@", string.Join(',', Enumerable.Repeat(step, count)), StringComparison.Ordinal));
        Assert.ThrowsAny<ModelException>(() => JsonTokenizers.Parse(json).Encode("aaa é", false, false));
    }

    [Fact]
    public void Patterns_ThatBacktrackWithoutEnd_EndInAnError()
    {
        var json = Part("pre_tokenizer", """{"type":"Split","pattern":{"Regex":"(?:(?:a|aa)+)+b"},"behavior":"Isolated","invert":false}""");
        var thrown = Assert.ThrowsAny<ModelException>(() => JsonTokenizers.Parse(json).Encode(new string('a', 5000), false, false));
        Assert.Contains("backtracks", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OfTenThousandMutations_GivesATokenizerOrAModelException()
    {
        var samples = Samples().Select(Encoding.UTF8.GetBytes).ToArray();
        var random = new Random(20240607);
        var (read, refused) = (0, 0);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 10_000; i++)
        {
            var bytes = Mutate(samples[i % samples.Length], random);
            try
            {
                var tokenizer = TokenizerJsonFile.Read(bytes, "fuzz");
                var ids = tokenizer.Encode("Hello  Wörld\u0301 123 <s>\n\U0001F600 ▁x", addSpecial: true, parseSpecial: true);
                tokenizer.Decode(ids, skipSpecial: false);
                read++;
            }
            catch (ModelException refusal)
            {
                Assert.DoesNotContain('\n', refusal.Message);
                refused++;
            }
        }

        // Both outcomes must be common, else the mutations test nothing.
        Assert.True(read > 500 && refused > 2_000, $"{read} read, {refused} refused in {clock.Elapsed}");
    }

    private static string Part(string name, string value) => $$"""{"model":{{Word}},"{{name}}":{{value}}}""";

    private static IEnumerable<string> Samples()
    {
        var added = $"[{JsonTokenizers.Added("<s>", 8, special: true)},{JsonTokenizers.Added("</s>", 9, rstrip: true, normalized: true)}]";
        const string template =
            """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"<s>":{"id":"<s>","ids":[8],"tokens":["<s>"]}}}""";
        yield return JsonTokenizers.Compose(
            """{"type":"BPE","unk_token":null,"fuse_unk":false,"ignore_merges":true,"vocab":{"H":0,"e":1,"l":2,"o":3,"He":4,"ll":5,"Ġ":6,"1":7},"merges":["H e",["l","l"]]}""",
            $$"""{"type":"Sequence","pretokenizers":[{{JsonTokenizers.Llama3Split}},{{JsonTokenizers.ByteLevelOnly}}]}""",
            """{"type":"NFC"}""", """{"type":"ByteLevel"}""", template, added);
        yield return JsonTokenizers.Compose(
            """{"type":"BPE","unk_token":"<u>","fuse_unk":true,"byte_fallback":true,"vocab":{"<u>":0,"▁":1,"H":2,"e":3,"▁H":4,"<0xC3>":5,"<0xB6>":6,"He":7},"merges":["▁ H","H e"]}""",
            null, """{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"},{"type":"NFKD"},{"type":"Strip","strip_left":true,"strip_right":false}]}""",
            """{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}""",
            template, added);
        yield return JsonTokenizers.Compose(
            """{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["▁",-2.0],["▁He",-3.0],["llo",-3.5],["▁x",-5.0],["l",-4.0],["o",-4.0],["é",-1]],"byte_fallback":false}""",
            """{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true}]}""",
            $$"""{"type":"Sequence","normalizers":[{"type":"Nmt"},{"type":"Precompiled","precompiled_charsmap":"{{Convert.ToBase64String(Normalization.CharacterMap.Build(new() { ["W"] = "w" }))}}"},{"type":"Lowercase"}]}""",
            """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""", template, added);
        yield return JsonTokenizers.Compose(
            """{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"hello":1,"##o":2,"w":3,"##orld":4,"1":5,"2":6,"3":7}}""",
            """{"type":"Sequence","pretokenizers":[{"type":"BertPreTokenizer"},{"type":"Digits","individual_digits":true},{"type":"Punctuation","behavior":"Contiguous"}]}""",
            """{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}""",
            """{"type":"WordPiece","prefix":"##","cleanup":true}""", """{"type":"BertProcessing","sep":["</s>",9],"cls":["<s>",8]}""", added);
    }

    /// <summary>Flips, cuts and copies, and changes of numbers and literals that keep the JSON well-formed.</summary>
    private static byte[] Mutate(byte[] original, Random random)
    {
        string[] values = ["null", "-1", "0", "1", "4294967296", "1e400", "\"\"", "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "true", "\"a\"", "\"(?=\"", "99999999"];
        var bytes = original.ToList();
        for (var rounds = random.Next(1, 4); rounds > 0; rounds--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 20)));
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(Math.Max(0, at - 30), Math.Min(30, at)));
                    break;
                default:
                    // Put another value in the place of one: from a colon or comma to the next comma or bracket.
                    var start = bytes.FindIndex(at, b => b is (byte)':' or (byte)',' or (byte)'[');
                    var end = start < 0 ? -1 : bytes.FindIndex(start + 1, b => b is (byte)',' or (byte)'}' or (byte)']');
                    if (end < 0)
                        break;
                    bytes.RemoveRange(start + 1, end - start - 1);
                    bytes.InsertRange(start + 1, Encoding.UTF8.GetBytes(values[random.Next(values.Length)]));
                    break;
            }

            if (bytes.Count == 0)
                break;
        }

        return [.. bytes];
    }
}
