using System.Text.Json.Nodes;
using Fathom.Kernels.Formats;
using Fathom.Models.Execution;
using Fathom.Models.Gguf;
using Fathom.Models.Tests.Execution.Reference;

namespace Fathom.Models.Tests.Architectures;

/// <summary>Containers that are well formed but do not hold a model that can be run.</summary>
public sealed class HostileModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, object?, string> BadKeys() => new()
    {
        { "general.architecture", null, "required metadata key is absent" },
        { "general.architecture", "mamba", "is mamba; implemented are llama" },
        { "general.architecture", 5u, "must be a string" },
        { "llama.block_count", null, "absent" },
        { "llama.block_count", 0u, "is 0; 1 to" },
        { "llama.block_count", uint.MaxValue, "32 bits" },
        { "llama.block_count", -1, "is -1" },
        { "llama.block_count", "3", "must be an integer" },
        { "llama.block_count", 2u, "not part of" },
        { "llama.block_count", 4u, "blk.3.attn_norm.weight: tensor is absent" },
        { "llama.embedding_length", 0u, "is 0" },
        { "llama.embedding_length", 128u, "has shape [64" },
        { "llama.embedding_length", 1u << 30, "1 to 1048576" },
        { "llama.attention.head_count", 0u, "is 0" },
        { "llama.attention.head_count", 3u, "not a multiple" },
        { "llama.attention.head_count", 8u, "attn_q.weight: has shape" },
        { "llama.attention.head_count", new uint[] { 4, 4, 2 }, "differs from layer to layer" },
        { "llama.attention.head_count_kv", 0u, "is 0" },
        { "llama.attention.head_count_kv", 3u, "not a multiple" },
        { "llama.attention.key_length", 14u, "differing sizes" },
        { "llama.attention.key_length", 1u << 20, "1 to 1024" },
        { "llama.attention.value_length", 8u, "differing sizes" },
        { "llama.feed_forward_length", 97u, "has shape" },
        { "llama.context_length", 0u, "is 0" },
        { "llama.attention.layer_norm_rms_epsilon", null, "absent" },
        { "llama.attention.layer_norm_rms_epsilon", float.NaN, "finite" },
        { "llama.attention.layer_norm_rms_epsilon", -1f, "is -1" },
        { "llama.rope.dimension_count", 17u, "17 rotating dimensions" },
        { "llama.rope.dimension_count", 32u, "32 rotating dimensions" },
        { "llama.rope.freq_base", 0f, "is 0" },
        { "llama.rope.scaling.type", "ntk", "is ntk" },
        { "llama.expert_count", 8u, "mixture-of-experts" },
        { "tokenizer.ggml.model", "llama", "tokenizer.ggml.tokens" },
    };

    [Theory]
    [MemberData(nameof(BadKeys))]
    public void Load_BadKey_NamesItInOneLine(string key, object? value, string expected)
    {
        Write(metadata =>
        {
            if (value is null)
                metadata.Remove(key);
            else
                metadata.Set(key, value);
        });
        Expect("m.gguf", expected);
    }

    [Fact]
    public void Load_VocabularyOnly_SaysSo()
    {
        var metadata = new GgufMetadata("test");
        foreach (string key in new[] { "block_count", "embedding_length", "context_length", "feed_forward_length", "attention.head_count" })
            metadata.Set("llama." + key, 4u);
        metadata.Set("general.architecture", "llama");
        using (GgufWriter writer = GgufWriter.Create(_folder.File("m.gguf"), metadata, []))
            writer.Complete();
        Expect("m.gguf", "its vocabulary only");
    }

    [Fact]
    public void Load_FactorsOfWrongSize_AreRefused()
    {
        var reference = new ReferenceModel(ReferenceShape.All["llama3"], seed: 1);
        ReferenceGguf.Write(reference, _folder.File("m.gguf"), TensorType.F32, metadata => metadata.Set("llama.rope.dimension_count", 8u));
        Expect("m.gguf", "rope_freqs.weight: holds 8 values of F32; 4 of F32");
    }

    public static TheoryData<string, string?, string> BadConfigs() => new()
    {
        { "architectures", null, "architectures: required value is absent" },
        { "architectures", "[\"BertModel\"]", "is BertModel; implemented are LlamaForCausalLM" },
        { "architectures", "[1]", "array of strings" },
        { "architectures", "\"LlamaForCausalLM\"", "array of strings" },
        { "hidden_size", null, "required value is absent" },
        { "hidden_size", "\"64\"", "must be an integer" },
        { "hidden_size", "64.5", "must be an integer" },
        { "hidden_size", "-64", "must be an integer from 1" },
        { "hidden_size", "99999999999999", "must be an integer" },
        { "num_attention_heads", "0", "must be an integer from 1" },
        { "num_attention_heads", "5", "not a multiple" },
        { "num_key_value_heads", "3", "not a multiple" },
        { "num_hidden_layers", "4", "blk.3.attn_norm.weight" },
        { "num_hidden_layers", "2", "model.layers.2" },
        { "vocab_size", "97", "has shape [64, 96]" },
        { "hidden_act", "\"relu\"", "is relu; silu" },
        { "rope_theta", "-1", "must be a number" },
        { "rope_scaling", "7", "must be an object" },
        { "rope_scaling", "{\"rope_type\":\"dynamic\",\"factor\":2}", "is dynamic" },
        { "rope_scaling", "{\"rope_type\":\"linear\"}", "rope_scaling.factor" },
        { "rope_scaling", "{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":1}", "high_freq_factor" },
        { "rope_scaling", "{\"rope_type\":\"longrope\",\"short_factor\":[1]}", "array of 8 positive numbers" },
        { "tie_word_embeddings", "1", "true or false" },
        { "quantization_config", "{}", "quantised checkpoints" },
    };

    [Theory]
    [MemberData(nameof(BadConfigs))]
    public void Load_BadConfigJson_NamesItInOneLine(string key, string? json, string expected)
    {
        ReferenceHuggingFace.Write(new ReferenceModel(ReferenceShape.All["llama"], seed: 1), _folder.File("hf"), change: config =>
        {
            if (json is null)
                config.Remove(key);
            else
                config[key] = JsonNode.Parse(json);
        });
        Expect("hf", expected);
    }

    [Theory]
    [InlineData("", "not acceptable JSON")]
    [InlineData("[]", "not an object")]
    [InlineData("{\"a\":1,\"a\":2}", "not acceptable JSON")]
    public void Load_MalformedConfigJson_IsRefused(string text, string expected)
    {
        Directory.CreateDirectory(_folder.File("hf"));
        File.WriteAllText(_folder.File("hf/config.json"), text);
        Expect("hf", expected);
    }

    [Fact]
    public void Load_NestedOrInvalidUtf8ConfigJson_IsRefused()
    {
        Directory.CreateDirectory(_folder.File("hf"));
        File.WriteAllText(_folder.File("hf/config.json"), new string('[', 100_000));
        Expect("hf", "not acceptable JSON");
        File.WriteAllBytes(_folder.File("hf/config.json"), [(byte)'{', (byte)'"', 0xC3, 0x28, (byte)'"', (byte)':', (byte)'1', (byte)'}']);
        Expect("hf", "not valid UTF-8");
    }

    [Fact]
    public void Load_FolderWithoutConfig_SaysSo()
    {
        Directory.CreateDirectory(_folder.File("hf"));
        Expect("hf", "is not there");
    }

    [Fact]
    public void Load_IntegerWeights_AreRefusedByName()
    {
        ReferenceHuggingFace.Write(new ReferenceModel(ReferenceShape.All["llama"], seed: 1), _folder.File("hf"));
        string path = _folder.File("hf/model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        int at = bytes.AsSpan().IndexOf("\"F32\""u8);
        "\"I32\""u8.CopyTo(bytes.AsSpan(at));
        File.WriteAllBytes(path, bytes);
        Expect("hf", "dtype I32");
    }

    [Fact]
    public void Load_MutatedModels_OnlyModelExceptionEscapes()
    {
        Write(_ => { });
        byte[] whole = File.ReadAllBytes(_folder.File("m.gguf"));
        var mutator = new Mutator(seed: 99);
        int head = whole.AsSpan().IndexOf("output_norm.weight"u8) + 64;
        for (int i = 0; i < 300; i++)
        {
            File.WriteAllBytes(_folder.File("x.gguf"), mutator.Mutate(whole, head));
            try
            {
                TransformerModel.Load(_folder.File("x.gguf"), new ModelLoadOptions { Threads = 1 }).Dispose();
            }
            catch (ModelException)
            {
                // Named and refused.
            }
        }
    }

    private void Write(Action<GgufMetadata> change) =>
        ReferenceGguf.Write(new ReferenceModel(ReferenceShape.All["llama"], seed: 1), _folder.File("m.gguf"), TensorType.F32, change);

    private void Expect(string name, string expected)
    {
        var error = Assert.ThrowsAny<ModelException>(() => TransformerModel.Load(_folder.File(name), new ModelLoadOptions { Threads = 1 }).Dispose());
        Assert.True(error.Message.Contains(expected, StringComparison.Ordinal), error.Message);
        Assert.StartsWith(_folder.Path, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }
}
