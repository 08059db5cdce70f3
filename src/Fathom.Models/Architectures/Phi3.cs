using Fathom.Kernels.Rotary;
using Fathom.Models.HuggingFace;

namespace Fathom.Models.Architectures;

/// <summary>Phi 3, 3.5 and 4-mini: fused projections, LongRoPE, optionally a sliding window and partial rotation.</summary>
internal sealed class Phi3 : ArchitectureFamily
{
    public override string Name => "phi3";

    public override IReadOnlyList<string> HuggingFaceClasses => ["Phi3ForCausalLM"];

    public override ModelConfig FromGguf(GgufKeys keys)
    {
        ModelConfig config = ReadShape(keys, RotaryLayout.HalfSplit);
        return config with
        {
            NormEpsilon = keys.Float("attention.layer_norm_rms_epsilon", 0, 1),
            SlidingWindows = Windows(config.Layers, keys.Int("attention.sliding_window", 0, int.MaxValue, absent: 0), static _ => true),
            FusedQueryKeyValue = true,
            FusedGateUp = true,
        };
    }

    public override ModelConfig FromHuggingFace(HuggingFaceConfig config)
    {
        RequireActivation(config, "hidden_act", "silu");
        ModelConfig shape = ReadShape(config, RotaryLayout.HalfSplit, tiedByDefault: false);
        return shape with
        {
            SlidingWindows = Windows(shape.Layers, config.Int("sliding_window", 0, int.MaxValue, absent: 0), static _ => true),
            FusedQueryKeyValue = true,
            FusedGateUp = true,
        };
    }
}
