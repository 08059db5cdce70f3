using Fathom.Kernels.Rotary;
using Fathom.Models.HuggingFace;

namespace Fathom.Models.Architectures;

/// <summary>Llama 2, 3 and 3.x, and Mistral, which differs by its sliding window only.</summary>
/// <remarks>GGUF stores query and key rows permuted for interleaved rotation; Hugging Face does not.</remarks>
internal sealed class Llama : ArchitectureFamily
{
    public override string Name => "llama";

    public override IReadOnlyList<string> HuggingFaceClasses => ["LlamaForCausalLM", "MistralForCausalLM"];

    public override ModelConfig FromGguf(GgufKeys keys)
    {
        ModelConfig config = ReadShape(keys, RotaryLayout.Interleaved);
        return config with
        {
            NormEpsilon = keys.Float("attention.layer_norm_rms_epsilon", 0, 1),
            SlidingWindows = Windows(config.Layers, keys.Int("attention.sliding_window", 0, int.MaxValue, absent: 0), static _ => true),
        };
    }

    public override ModelConfig FromHuggingFace(HuggingFaceConfig config)
    {
        RequireActivation(config, "hidden_act", "silu");
        ModelConfig shape = ReadShape(config, RotaryLayout.Interleaved, tiedByDefault: false);
        return shape with { SlidingWindows = Windows(shape.Layers, config.Int("sliding_window", 0, int.MaxValue, absent: 0), static _ => true) };
    }

    public override TensorTransform Transform(TensorSpec spec) => spec.Role switch
    {
        TensorRole.Query => TensorTransform.InterleaveQueryHeads,
        TensorRole.Key => TensorTransform.InterleaveKeyHeads,
        _ => TensorTransform.None,
    };
}
