using Fathom.Models.Gguf;
using Fathom.Models.Tokenization;

namespace Fathom.Models.Tests.Tokenization.TokenizerJson;

/// <summary>Real vocabularies, said in tokenizer.json, give the published tokens as well: the second path checks the first.</summary>
public class ConvertedVocabularyTests
{
    public static TheoryData<string, string> ByteLevels => new()
    {
        { "gpt-2", """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true}""" },
        {
            "falcon",
            """
            {"type":"Sequence","pretokenizers":[{"type":"Punctuation","behavior":"Contiguous"},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
            {"type":"Digits","individual_digits":false},{"type":"Split","pattern":{"Regex":"[0-9][0-9][0-9]"},"behavior":"Isolated","invert":false}]}
            """
        },
        {
            "deepseek-coder",
            """
            {"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"[\r\n]"},"behavior":"Isolated","invert":false},
            {"type":"Split","pattern":{"Regex":"\\s?\\p{L}+"},"behavior":"Isolated","invert":false},
            {"type":"Split","pattern":{"Regex":"\\s?\\p{P}+"},"behavior":"Isolated","invert":false},
            {"type":"Split","pattern":{"Regex":"[一-龥ࠀ-一가-퟿]+"},"behavior":"Isolated","invert":false},
            {"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]}
            """
        },
    };

    [SkippableTheory]
    [MemberData(nameof(ByteLevels))]
    public void Encode_OfAByteLevelVocabulary_GivesThePublishedTokens(string name, string preTokenizer)
    {
        Skip.If(SharedVocabularies.Folder is null, SharedVocabularies.WhyAbsent);
        using var file = GgufFile.Open(Path.Combine(SharedVocabularies.Folder!, $"ggml-vocab-{name}.gguf"));
        Check(JsonTokenizers.Parse(JsonTokenizers.FromByteLevel(file.Metadata, preTokenizer)), name);
    }

    [SkippableFact]
    public void Encode_OfASentencePieceVocabulary_GivesThePublishedTokens()
    {
        Skip.If(SharedVocabularies.Folder is null, SharedVocabularies.WhyAbsent);
        using var file = GgufFile.Open(Path.Combine(SharedVocabularies.Folder!, "ggml-vocab-llama-spm.gguf"));
        Check(JsonTokenizers.Parse(JsonTokenizers.FromSentencePiece(file.Metadata)), "llama-spm");
    }

    private static void Check(Tokenizer tokenizer, string name)
    {
        foreach (var (text, tokens) in SharedVocabularies.Cases(name))
        {
            Assert.Equal(tokens, tokenizer.Encode(text, addSpecial: false, parseSpecial: true));
            Assert.Equal(text, tokenizer.Decode(tokens, skipSpecial: true));
        }
    }
}
