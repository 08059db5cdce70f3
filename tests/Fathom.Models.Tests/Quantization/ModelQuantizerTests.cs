using System.Text.Json.Nodes;
using Fathom.Kernels.Attention;
using Fathom.Kernels.Formats;
using Fathom.Models.Execution;
using Fathom.Models.Gguf;
using Fathom.Models.Quantization;
using Fathom.Models.Tests.Execution;
using Fathom.Models.Tests.Execution.Reference;

namespace Fathom.Models.Tests.Quantization;

public sealed class ModelQuantizerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Shapes => [.. ReferenceShape.All.Keys];

    public void Dispose() => _folder.Dispose();

    /// <summary>The loss a format may cause on a small random model, whose weights have no structure to hold on to.</summary>
    [Theory]
    [InlineData("f32", 1e-5, 1.05)]
    [InlineData("bf16", 2e-2)]
    [InlineData("f16", 2e-3)]
    [InlineData("q8_0", 3e-2)]
    [InlineData("q6_k", 8e-2)]
    [InlineData("q4_k_m", 0.3)]
    [InlineData("q4_k", 0.3)]
    [InlineData("q4_0", 0.3)]
    public void Quantize_GgufToEveryFormat_StaysNearTheReference(string format, double errorMax, double sizeMax = 0.55)
    {
        var reference = new ReferenceModel(ReferenceShape.All["llama"].Wide(), seed: 3);
        ReferenceGguf.Write(reference, _folder.File("in.gguf"));
        ModelQuantizer.Quantize(_folder.File("in.gguf"), _folder.File("out.gguf"), WeightFormat.Find(format)!, threads: 2);
        Assert.InRange(Error(reference, "out.gguf"), 1e-7, errorMax);
        Assert.True(new FileInfo(_folder.File("out.gguf")).Length < new FileInfo(_folder.File("in.gguf")).Length * sizeMax);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Quantize_HuggingFaceFolderToF16_KeepsEveryArchitecture(string name)
    {
        var reference = new ReferenceModel(ReferenceShape.All[name], seed: 3);
        ReferenceHuggingFace.Write(reference, _folder.File("hf"));
        ModelQuantizer.Quantize(_folder.File("hf"), _folder.File("out.gguf"), WeightFormat.Find("f16")!, threads: 2);
        Assert.InRange(Error(reference, "out.gguf"), 1e-7, 5e-3);
    }

    [Fact]
    public void Quantize_HuggingFaceFolder_CarriesTokenizerAndTemplate()
    {
        const string Text = "the then, THE 12 grüße 🌍<|im_end|>";
        ReferenceHuggingFace.Write(new ReferenceModel(ReferenceShape.All["qwen2"] with { Vocabulary = 300 }, seed: 3), _folder.File("hf"));
        File.WriteAllText(_folder.File("hf/tokenizer.json"), ByteLevelTokenizer().ToJsonString());
        File.WriteAllText(_folder.File("hf/tokenizer_config.json"), "{\"eos_token\":\"<|im_end|>\",\"bos_token\":null,\"add_bos_token\":false}");
        File.WriteAllText(_folder.File("hf/chat_template.jinja"), "{{ messages[0].content }}");
        ModelQuantizer.Quantize(_folder.File("hf"), _folder.File("out.gguf"), WeightFormat.Find("q8_0")!, threads: 1);

        using TransformerModel folder = TransformerModel.Load(_folder.File("hf"), new ModelLoadOptions { Threads = 1 });
        using TransformerModel gguf = TransformerModel.Load(_folder.File("out.gguf"), new ModelLoadOptions { Threads = 1 });
        int[] tokens = folder.Tokenizer.Encode(Text, addSpecial: true, parseSpecial: true);
        Assert.Equal([258, 259], [tokens[0], tokens[^1]]);
        Assert.Equal(tokens, gguf.Tokenizer.Encode(Text, addSpecial: true, parseSpecial: true));
        Assert.Equal(Text, gguf.Tokenizer.Decode(tokens, skipSpecial: false));
        Assert.Equal(259, gguf.Tokenizer.EndOfSequence);
        Assert.Equal(300, gguf.Tokenizer.VocabularySize);
        Assert.Equal("{{ messages[0].content }}", gguf.ChatTemplateSource);
        Assert.Equal(gguf.ChatTemplateSource, folder.ChatTemplateSource);
    }

    [Fact]
    public void Quantize_RowsThatFitNoBlock_FallBackToF16()
    {
        var reference = new ReferenceModel(ReferenceShape.All["llama"] with { Hidden = 36, HeadSize = 10, Inner = 96 }, seed: 3);
        ReferenceGguf.Write(reference, _folder.File("in.gguf"));
        ModelQuantizer.Quantize(_folder.File("in.gguf"), _folder.File("out.gguf"), WeightFormat.Find("q4_k")!, threads: 1);
        using GgufFile file = GgufFile.Open(_folder.File("out.gguf"));
        Assert.Equal(TensorType.F16, TypeOf(file, "blk.0.attn_q.weight"));
        Assert.Equal(TensorType.Q5_0, TypeOf(file, "blk.0.ffn_down.weight"));
        Assert.Equal(TensorType.F32, TypeOf(file, "blk.0.attn_norm.weight"));
    }

    [Fact]
    public void Quantize_Q4KM_MixesTypesAsLlamaCpp()
    {
        var reference = new ReferenceModel(ReferenceShape.All["llama"] with { Hidden = 256, HeadSize = 64, Inner = 256, Layers = 16 }, seed: 3);
        ReferenceGguf.Write(reference, _folder.File("in.gguf"));
        ModelQuantizer.Quantize(_folder.File("in.gguf"), _folder.File("out.gguf"), WeightFormat.Find("q4_k_m")!, threads: 2);
        using GgufFile file = GgufFile.Open(_folder.File("out.gguf"));
        // First and last eighth (two layers each), and every third from the fifth on.
        int[] more = [0, 1, 4, 7, 10, 13, 14, 15];
        for (int layer = 0; layer < 16; layer++)
        {
            TensorType expected = more.Contains(layer) ? TensorType.Q6_K : TensorType.Q4_K;
            Assert.Equal(expected, TypeOf(file, $"blk.{layer}.attn_v.weight"));
            Assert.Equal(expected, TypeOf(file, $"blk.{layer}.ffn_down.weight"));
            Assert.Equal(TensorType.Q4_K, TypeOf(file, $"blk.{layer}.attn_q.weight"));
            Assert.Equal(TensorType.Q4_K, TypeOf(file, $"blk.{layer}.ffn_up.weight"));
        }

        Assert.Equal(TensorType.Q6_K, TypeOf(file, "output.weight"));
        Assert.Equal(TensorType.Q4_K, TypeOf(file, "token_embd.weight"));
    }

    [Fact]
    public void Quantize_QuantisedInput_IsRefused()
    {
        ReferenceGguf.Write(new ReferenceModel(ReferenceShape.All["llama"].Wide(), seed: 3), _folder.File("in.gguf"), TensorType.Q8_0);
        var error = Assert.Throws<UnsupportedModelException>(() =>
            ModelQuantizer.Quantize(_folder.File("in.gguf"), _folder.File("out.gguf"), WeightFormat.Find("q4_0")!, threads: 1));
        Assert.Contains("Q8_0", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder.File("out.gguf")));
    }

    /// <summary>256 bytes in GPT-2's letters, the merges "t h", "h e" and "th e", and one control token; Qwen's words.</summary>
    private static JsonObject ByteLevelTokenizer()
    {
        var vocabulary = new JsonObject();
        int others = 0;
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174;
            vocabulary[((char)(printable ? value : 256 + others++)).ToString()] = value;
        }

        vocabulary["th"] = 256;
        vocabulary["he"] = 257;
        vocabulary["the"] = 258;
        const string Words = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
        return new JsonObject
        {
            ["added_tokens"] = new JsonArray(new JsonObject { ["id"] = 259, ["content"] = "<|im_end|>", ["special"] = true, ["normalized"] = false }),
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                    new JsonObject
                    {
                        ["type"] = "Split",
                        ["pattern"] = new JsonObject { ["Regex"] = Words },
                        ["behavior"] = "Isolated",
                        ["invert"] = false,
                    },
                    new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = false, ["use_regex"] = false }),
            },
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = false, ["use_regex"] = false },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray("t h", "th e", "h e"),
            },
        };
    }

    private static TensorType TypeOf(GgufFile file, string name) => file.Tensors.Single(tensor => tensor.Name == name).Type;

    private double Error(ReferenceModel reference, string file)
    {
        using TransformerModel model = TransformerModel.Load(_folder.File(file), new ModelLoadOptions { Threads = 2 });
        int[] tokens = ModelRun.Tokens(20, reference.Shape.Vocabulary, seed: 3);
        return ModelRun.RelativeError(ModelRun.All(model, tokens, KvType.F32), reference.Logits(tokens));
    }
}
