using Fathom.Models.HuggingFace;

namespace Fathom.Models.Architectures;

/// <summary>GPT-2: learned positions, layer norms, biases everywhere, one tensor for query, key and value, no gate.</summary>
internal sealed class Gpt2 : ArchitectureFamily
{
    public override string Name => "gpt2";

    public override IReadOnlyList<string> HuggingFaceClasses => ["GPT2LMHeadModel"];

    public override IReadOnlyList<string> HuggingFacePrefixes => ["transformer.", ""];

    public override ModelConfig FromGguf(GgufKeys keys) => Common(ReadShape(keys, rotary: null) with
    {
        NormEpsilon = keys.Float("attention.layer_norm_epsilon", 0, 1),
    });

    public override ModelConfig FromHuggingFace(HuggingFaceConfig config)
    {
        RequireActivation(config, "activation_function", "gelu_new", "gelu_pytorch_tanh");
        if (!config.Boolean("scale_attn_weights", absent: true))
            throw config.Unsupported("scale_attn_weights", "is false");
        if (config.Boolean("scale_attn_by_inverse_layer_idx", absent: false))
            throw config.Unsupported("scale_attn_by_inverse_layer_idx", "is true");
        int layers = config.Int("n_layer", 1, Limits.LayersMax);
        int hidden = config.Int("n_embd", 1, Limits.HiddenMax);
        int heads = config.Int("n_head", 1, Limits.HeadsMax);
        if (hidden % heads != 0)
            throw new InvalidModelException(config.Origin, "n_head", $"is {heads}, which does not divide the hidden size {hidden}");
        return Common(new ModelConfig
        {
            Architecture = Name,
            Name = config.Text("_name_or_path") is { Length: > 0 } name ? name : null,
            VocabularySize = config.Int("vocab_size", 1, Limits.VocabularyMax),
            ContextLength = config.Int(config.Has("n_positions") ? "n_positions" : "n_ctx", 1, Limits.ContextMax),
            Layers = layers,
            HiddenSize = hidden,
            Heads = heads,
            KvHeads = heads,
            HeadSize = hidden / heads,
            FeedForwardSize = config.Int("n_inner", 1, Limits.FeedForwardMax, absent: 4 * hidden),
            NormEpsilon = config.Float("layer_norm_epsilon", 0, 1, absent: 1e-5f),
            AttentionScale = (float)(1 / Math.Sqrt(hidden / heads)),
            SlidingWindows = new int[layers],
            TiedEmbeddings = config.Boolean("tie_word_embeddings", absent: true),
        });
    }

    public override string HuggingFaceModule(TensorRole role) => role switch
    {
        TensorRole.TokenEmbedding => "wte",
        TensorRole.PositionEmbedding => "wpe",
        TensorRole.OutputNorm => "ln_f",
        TensorRole.AttentionNorm => "h.{0}.ln_1",
        TensorRole.QueryKeyValue => "h.{0}.attn.c_attn",
        TensorRole.AttentionOutput => "h.{0}.attn.c_proj",
        TensorRole.FeedForwardNorm => "h.{0}.ln_2",
        TensorRole.Up => "h.{0}.mlp.c_fc",
        TensorRole.Down => "h.{0}.mlp.c_proj",
        _ => base.HuggingFaceModule(role),
    };

    public override TensorTransform Transform(TensorSpec spec) =>
        !spec.IsVector && spec.Role is TensorRole.QueryKeyValue or TensorRole.AttentionOutput or TensorRole.Up or TensorRole.Down
            && spec.Part == TensorPart.Weight
            ? TensorTransform.Transpose
            : TensorTransform.None;

    private static ModelConfig Common(ModelConfig config) => config with
    {
        Norm = NormKind.Layer,
        FeedForward = FeedForwardKind.Gelu,
        FusedQueryKeyValue = true,
        RequiresAllBiases = true,
    };
}
