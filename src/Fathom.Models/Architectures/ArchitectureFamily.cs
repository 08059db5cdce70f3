using Fathom.Kernels.Rotary;
using Fathom.Models.HuggingFace;

namespace Fathom.Models.Architectures;

/// <summary>
/// What is particular to one architecture: how its hyperparameters are read from GGUF metadata and from a Hugging Face
/// config, and how Hugging Face names and stores its tensors. The forward pass itself knows only <see cref="ModelConfig"/>.
/// </summary>
internal abstract class ArchitectureFamily
{
    /// <summary>Every architecture that can be loaded.</summary>
    public static IReadOnlyList<ArchitectureFamily> All { get; } =
        [new Llama(), new Qwen2(), new Qwen3(), new Gpt2(), new Phi3(), new Gemma2(), new Gemma3()];

    /// <summary>GGUF's <c>general.architecture</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Hugging Face's names in <c>architectures</c> of config.json.</summary>
    public abstract IReadOnlyList<string> HuggingFaceClasses { get; }

    /// <summary>Name prefixes that checkpoints put before modules of the decoder; the first that fits is used.</summary>
    public virtual IReadOnlyList<string> HuggingFacePrefixes => ["model."];

    /// <summary>Name prefixes before the output projection.</summary>
    public virtual IReadOnlyList<string> HuggingFaceOutputPrefixes => [""];

    public static string Supported => string.Join(", ", All.Select(family => family.Name));

    public abstract ModelConfig FromGguf(GgufKeys keys);

    public abstract ModelConfig FromHuggingFace(HuggingFaceConfig config);

    /// <summary>Module name below the prefix, without the suffix; {0} is the layer.</summary>
    public virtual string HuggingFaceModule(TensorRole role) => role switch
    {
        TensorRole.TokenEmbedding => "embed_tokens",
        TensorRole.OutputNorm => "norm",
        TensorRole.Output => "lm_head",
        TensorRole.AttentionNorm => "layers.{0}.input_layernorm",
        TensorRole.QueryKeyValue => "layers.{0}.self_attn.qkv_proj",
        TensorRole.Query => "layers.{0}.self_attn.q_proj",
        TensorRole.Key => "layers.{0}.self_attn.k_proj",
        TensorRole.Value => "layers.{0}.self_attn.v_proj",
        TensorRole.QueryNorm => "layers.{0}.self_attn.q_norm",
        TensorRole.KeyNorm => "layers.{0}.self_attn.k_norm",
        TensorRole.AttentionOutput => "layers.{0}.self_attn.o_proj",
        TensorRole.FeedForwardNorm => "layers.{0}.post_attention_layernorm",
        TensorRole.GateUp => "layers.{0}.mlp.gate_up_proj",
        TensorRole.Gate => "layers.{0}.mlp.gate_proj",
        TensorRole.Up => "layers.{0}.mlp.up_proj",
        TensorRole.Down => "layers.{0}.mlp.down_proj",
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, "not part of this architecture"),
    };

    /// <summary>What has to happen to Hugging Face's values to become GGUF's.</summary>
    public virtual TensorTransform Transform(TensorSpec spec) => TensorTransform.None;

    /// <summary>Hyperparameters that all architectures keep under the same GGUF keys.</summary>
    protected static ModelConfig ReadShape(GgufKeys keys, RotaryLayout? rotary)
    {
        if (keys.Int("expert_count", 0, int.MaxValue, absent: 0) > 0)
            throw new UnsupportedModelException(keys.Origin, keys.Full("expert_count"), "mixture-of-experts models are not implemented");
        int layers = keys.Int("block_count", 1, Limits.LayersMax);
        int hidden = keys.Int("embedding_length", 1, Limits.HiddenMax);
        int heads = keys.Int("attention.head_count", 1, Limits.HeadsMax);
        int kvHeads = keys.Int("attention.head_count_kv", 1, Limits.HeadsMax, absent: heads);
        int headSize = keys.Int("attention.key_length", 1, Limits.HeadSizeMax, absent: 0);
        if (headSize == 0)
        {
            if (hidden % heads != 0)
                throw new InvalidModelException(keys.Origin, keys.Full("attention.head_count"), $"is {heads}, which does not divide the hidden size {hidden}");
            headSize = hidden / heads;
        }

        int valueSize = keys.Int("attention.value_length", 1, Limits.HeadSizeMax, absent: headSize);
        if (valueSize != headSize)
            throw new UnsupportedModelException(keys.Origin, keys.Full("attention.value_length"), $"is {valueSize}, keys have {headSize}: differing sizes are not implemented");
        int context = keys.Int("context_length", 1, Limits.ContextMax);
        return Validated(keys.Origin, new ModelConfig
        {
            Architecture = keys.Architecture,
            Name = keys.Metadata.TryGetString("general.name", out string? name) ? name : null,
            VocabularySize = keys.VocabularySize(),
            ContextLength = context,
            Layers = layers,
            HiddenSize = hidden,
            Heads = heads,
            KvHeads = kvHeads,
            HeadSize = headSize,
            FeedForwardSize = keys.Int("feed_forward_length", 1, Limits.FeedForwardMax),
            NormEpsilon = 0,
            AttentionScale = keys.Float("attention.scale", 1e-6f, 1e6f, absent: (float)(1 / Math.Sqrt(headSize))),
            SlidingWindows = new int[layers],
            TiedEmbeddings = !keys.HasTensor("output.weight"),
            Rotary = rotary is null ? null : RotaryReader.FromGguf(keys, rotary.Value, headSize, context),
        });
    }

    /// <summary>Hyperparameters that most architectures keep under the same names in config.json.</summary>
    protected ModelConfig ReadShape(HuggingFaceConfig config, RotaryLayout rotary, bool tiedByDefault)
    {
        int layers = config.Int("num_hidden_layers", 1, Limits.LayersMax);
        int hidden = config.Int("hidden_size", 1, Limits.HiddenMax);
        int heads = config.Int("num_attention_heads", 1, Limits.HeadsMax);
        int headSize = config.Int("head_dim", 1, Limits.HeadSizeMax, absent: 0);
        if (headSize == 0)
        {
            if (hidden % heads != 0)
                throw new InvalidModelException(config.Origin, "num_attention_heads", $"is {heads}, which does not divide the hidden size {hidden}");
            headSize = hidden / heads;
        }

        int context = config.Int("max_position_embeddings", 1, Limits.ContextMax);
        RotaryConfig rotaryConfig = RotaryReader.FromHuggingFace(config, rotary, headSize, context);
        return Validated(config.Origin, new ModelConfig
        {
            Architecture = Name,
            Name = config.Text("_name_or_path") is { Length: > 0 } name ? name : null,
            VocabularySize = config.Int("vocab_size", 1, Limits.VocabularyMax),
            ContextLength = context,
            Layers = layers,
            HiddenSize = hidden,
            Heads = heads,
            KvHeads = config.Int("num_key_value_heads", 1, Limits.HeadsMax, absent: heads),
            HeadSize = headSize,
            FeedForwardSize = config.Int("intermediate_size", 1, Limits.FeedForwardMax),
            NormEpsilon = config.Float("rms_norm_eps", 0, 1, absent: 1e-6f),
            AttentionScale = (float)(1 / Math.Sqrt(headSize)),
            SlidingWindows = new int[layers],
            TiedEmbeddings = config.Boolean("tie_word_embeddings", tiedByDefault),
            Rotary = rotaryConfig,
        });
    }

    /// <summary>Refuses a config whose activation is not the one this architecture is implemented with.</summary>
    protected static void RequireActivation(HuggingFaceConfig config, string key, params ReadOnlySpan<string> accepted)
    {
        string? activation = config.Text(key);
        if (activation is not null && !accepted.Contains(activation))
            throw config.Unsupported(key, $"is {activation}; {string.Join(" or ", accepted.ToArray())} is implemented");
    }

    /// <summary>One window for every layer that <paramref name="isLocal"/> picks.</summary>
    protected static int[] Windows(int layers, int window, Func<int, bool> isLocal)
    {
        var windows = new int[layers];
        for (int layer = 0; layer < layers; layer++)
            windows[layer] = isLocal(layer) ? window : 0;
        return windows;
    }

    /// <summary>Windows by the config's own list of layer types, or by the architecture's rule where it has none.</summary>
    protected static int[] Windows(HuggingFaceConfig config, int layers, int window, Func<int, bool> isLocal)
    {
        IReadOnlyList<string>? types = config.Texts("layer_types");
        if (types is null)
            return Windows(layers, window, isLocal);
        if (types.Count != layers)
            throw new InvalidModelException(config.Origin, "layer_types", $"has {types.Count} entries for {layers} layers");
        foreach (string type in types)
        {
            if (type is not ("sliding_attention" or "full_attention"))
                throw config.Unsupported("layer_types", $"names {type}; sliding_attention and full_attention are implemented");
        }

        return Windows(layers, window, layer => types[layer] == "sliding_attention");
    }

    private static ModelConfig Validated(string origin, ModelConfig config)
    {
        if (config.Heads % config.KvHeads != 0)
            throw new InvalidModelException(origin, "heads", $"{config.Heads} query heads are not a multiple of {config.KvHeads} key heads");
        if (config.HeadSize % 2 != 0)
            throw new UnsupportedModelException(origin, "head size", $"is {config.HeadSize}; only even ones are implemented");
        if ((long)config.Heads * config.HeadSize > Limits.HiddenMax)
            throw new InvalidModelException(origin, "heads", $"{config.Heads} heads of {config.HeadSize} are wider than {Limits.HiddenMax}");
        return config;
    }
}
