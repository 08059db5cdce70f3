using Fathom.Kernels.Rotary;
using Fathom.Models.HuggingFace;

namespace Fathom.Models.Architectures;

/// <summary>
/// Gemma 2: norms before and after both halves of a block, soft caps on scores and logits, a window on every other layer,
/// scaled embeddings.
/// </summary>
internal sealed class Gemma2 : ArchitectureFamily
{
    private const int Layers27B = 46;

    public override string Name => "gemma2";

    public override IReadOnlyList<string> HuggingFaceClasses => ["Gemma2ForCausalLM"];

    public override ModelConfig FromGguf(GgufKeys keys)
    {
        ModelConfig config = ReadShape(keys, RotaryLayout.HalfSplit);
        int window = keys.Int("attention.sliding_window", 0, int.MaxValue, absent: 4096);
        // Files do not say query_pre_attn_scalar; the 27B model is the one where it is not the head size.
        float scale = config.Layers == Layers27B && !keys.Has("attention.scale")
            ? (float)(1 / Math.Sqrt((double)config.HiddenSize / config.Heads))
            : config.AttentionScale;
        return Common(config with
        {
            NormEpsilon = keys.Float("attention.layer_norm_rms_epsilon", 0, 1),
            AttentionScale = scale,
            AttentionSoftCap = keys.Float("attn_logit_softcapping", 0, 1e6f, absent: 50),
            LogitSoftCap = keys.Float("final_logit_softcapping", 0, 1e6f, absent: 30),
            SlidingWindows = Windows(config.Layers, window, IsLocal),
        });
    }

    public override ModelConfig FromHuggingFace(HuggingFaceConfig config)
    {
        RequireActivation(config, config.Has("hidden_activation") ? "hidden_activation" : "hidden_act", "gelu_pytorch_tanh");
        ModelConfig shape = ReadShape(config, RotaryLayout.HalfSplit, tiedByDefault: true);
        return Common(shape with
        {
            AttentionScale = (float)(1 / Math.Sqrt(config.Float("query_pre_attn_scalar", 1e-3f, 1e6f, absent: 256))),
            AttentionSoftCap = config.Float("attn_logit_softcapping", 0, 1e6f, absent: 0),
            LogitSoftCap = config.Float("final_logit_softcapping", 0, 1e6f, absent: 0),
            SlidingWindows = Windows(config, shape.Layers, config.Int("sliding_window", 1, int.MaxValue, absent: 4096), IsLocal),
        });
    }

    public override string HuggingFaceModule(TensorRole role) => GemmaModule(role) ?? base.HuggingFaceModule(role);

    public override TensorTransform Transform(TensorSpec spec) => GemmaTransform(spec);

    /// <summary>Gemma's names of the four norms of a block, or null for what it names as Llama does.</summary>
    internal static string? GemmaModule(TensorRole role) => role switch
    {
        TensorRole.PostAttentionNorm => "layers.{0}.post_attention_layernorm",
        TensorRole.FeedForwardNorm => "layers.{0}.pre_feedforward_layernorm",
        TensorRole.PostFeedForwardNorm => "layers.{0}.post_feedforward_layernorm",
        _ => null,
    };

    /// <summary>Every norm of Gemma multiplies by 1 + w.</summary>
    internal static TensorTransform GemmaTransform(TensorSpec spec) =>
        spec.IsVector && spec.Part == TensorPart.Weight ? TensorTransform.AddOne : TensorTransform.None;

    private static bool IsLocal(int layer) => layer % 2 == 0;

    private static ModelConfig Common(ModelConfig config) => config with
    {
        FeedForward = FeedForwardKind.GeGlu,
        PostNorms = true,
        EmbeddingScale = MathF.Sqrt(config.HiddenSize),
    };
}
