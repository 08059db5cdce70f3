using Fathom.Kernels.Rotary;
using Fathom.Models.HuggingFace;

namespace Fathom.Models.Architectures;

/// <summary>
/// Gemma 3 (text): five windowed layers with their own rotary base for each global one, norms on query and key heads, no
/// soft caps. Of the multimodal checkpoints the text part is read.
/// </summary>
internal sealed class Gemma3 : ArchitectureFamily
{
    private const int Layers27B = 62;
    private const int Period = 6;
    private const float LocalBase = 10000;

    /// <summary>Multimodal checkpoints leave out of their text config what equals the class's defaults.</summary>
    private const string TextDefaults =
        """
        {"vocab_size": 262208, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 131072}
        """;

    public override string Name => "gemma3";

    public override IReadOnlyList<string> HuggingFaceClasses => ["Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"];

    public override IReadOnlyList<string> HuggingFacePrefixes => ["model.", "language_model.model.", "model.language_model."];

    public override IReadOnlyList<string> HuggingFaceOutputPrefixes => ["", "language_model."];

    public override ModelConfig FromGguf(GgufKeys keys)
    {
        ModelConfig config = ReadShape(keys, RotaryLayout.HalfSplit);
        float scale = config.Layers == Layers27B && !keys.Has("attention.scale")
            ? (float)(1 / Math.Sqrt((double)config.HiddenSize / config.Heads))
            : config.AttentionScale;
        int window = keys.Int("attention.sliding_window", 0, int.MaxValue, absent: 1024);
        int period = keys.Int("attention.sliding_window_pattern", 1, Limits.LayersMax, absent: Period);
        float localBase = keys.Float("rope.freq_base_swa", 1.0001f, 1e12f, absent: LocalBase);
        RotaryConfig rotary = keys.Has("rope.freq_base") ? config.Rotary! : config.Rotary! with { Base = 1_000_000 };
        return Common(config, rotary, localBase) with
        {
            NormEpsilon = keys.Float("attention.layer_norm_rms_epsilon", 0, 1),
            AttentionScale = scale,
            LogitSoftCap = keys.Float("final_logit_softcapping", 0, 1e6f, absent: 0),
            SlidingWindows = Windows(config.Layers, window, layer => IsLocal(layer, period)),
        };
    }

    public override ModelConfig FromHuggingFace(HuggingFaceConfig config)
    {
        config = (config.Object("text_config") ?? config).WithDefaults(TextDefaults);
        RequireActivation(config, "hidden_activation", "gelu_pytorch_tanh");
        if (config.Float("attn_logit_softcapping", 0, 1e6f, absent: 0) > 0)
            throw config.Unsupported("attn_logit_softcapping", "is set; Gemma 3 has none");
        ModelConfig shape = ReadShape(config, RotaryLayout.HalfSplit, tiedByDefault: true);
        RotaryConfig rotary = config.Has("rope_theta") ? shape.Rotary! : shape.Rotary! with { Base = 1_000_000 };
        int period = config.Int("sliding_window_pattern", 1, Limits.LayersMax, absent: Period);
        return Common(shape, rotary, config.Float("rope_local_base_freq", 1.0001f, 1e12f, absent: LocalBase)) with
        {
            AttentionScale = (float)(1 / Math.Sqrt(config.Float("query_pre_attn_scalar", 1e-3f, 1e6f, absent: 256))),
            LogitSoftCap = config.Float("final_logit_softcapping", 0, 1e6f, absent: 0),
            SlidingWindows = Windows(
                config, shape.Layers, config.Int("sliding_window", 1, int.MaxValue, absent: 4096), layer => IsLocal(layer, period)),
        };
    }

    public override string HuggingFaceModule(TensorRole role) => Gemma2.GemmaModule(role) ?? base.HuggingFaceModule(role);

    public override TensorTransform Transform(TensorSpec spec) => Gemma2.GemmaTransform(spec);

    private static bool IsLocal(int layer, int period) => layer % period < period - 1;

    /// <summary>Only global layers are scaled; local ones keep plain frequencies of their own base.</summary>
    private static ModelConfig Common(ModelConfig config, RotaryConfig rotary, float localBase) => config with
    {
        Rotary = rotary,
        LocalRotary = new RotaryConfig { Dimensions = rotary.Dimensions, Base = localBase, Layout = rotary.Layout },
        FeedForward = FeedForwardKind.GeGlu,
        QueryKeyNorms = true,
        PostNorms = true,
        EmbeddingScale = MathF.Sqrt(config.HiddenSize),
    };
}
