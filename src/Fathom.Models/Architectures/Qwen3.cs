using Fathom.Kernels.Rotary;
using Fathom.Models.HuggingFace;

namespace Fathom.Models.Architectures;

/// <summary>Qwen 3 (dense): norms on each query and key head instead of biases, and a head size of its own.</summary>
internal sealed class Qwen3 : ArchitectureFamily
{
    public override string Name => "qwen3";

    public override IReadOnlyList<string> HuggingFaceClasses => ["Qwen3ForCausalLM"];

    public override ModelConfig FromGguf(GgufKeys keys) => ReadShape(keys, RotaryLayout.HalfSplit) with
    {
        NormEpsilon = keys.Float("attention.layer_norm_rms_epsilon", 0, 1),
        QueryKeyNorms = true,
    };

    public override ModelConfig FromHuggingFace(HuggingFaceConfig config)
    {
        RequireActivation(config, "hidden_act", "silu");
        ModelConfig shape = ReadShape(config, RotaryLayout.HalfSplit, tiedByDefault: false);
        return shape with { QueryKeyNorms = true, SlidingWindows = Qwen2.QwenWindows(config, shape.Layers) };
    }
}
