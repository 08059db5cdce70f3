using Fathom.Kernels.Rotary;
using Fathom.Models.HuggingFace;

namespace Fathom.Models.Architectures;

/// <summary>Qwen 2 and 2.5: Llama with biases on query, key and value, and half-split rotation everywhere.</summary>
internal sealed class Qwen2 : ArchitectureFamily
{
    public override string Name => "qwen2";

    public override IReadOnlyList<string> HuggingFaceClasses => ["Qwen2ForCausalLM"];

    public override ModelConfig FromGguf(GgufKeys keys) => ReadShape(keys, RotaryLayout.HalfSplit) with
    {
        NormEpsilon = keys.Float("attention.layer_norm_rms_epsilon", 0, 1),
        RequiresQueryKeyValueBias = true,
    };

    public override ModelConfig FromHuggingFace(HuggingFaceConfig config)
    {
        RequireActivation(config, "hidden_act", "silu");
        ModelConfig shape = ReadShape(config, RotaryLayout.HalfSplit, tiedByDefault: false);
        return shape with { RequiresQueryKeyValueBias = true, SlidingWindows = QwenWindows(config, shape.Layers) };
    }

    /// <summary>Qwen's window is off unless asked for, and then starts at a layer.</summary>
    internal static int[] QwenWindows(HuggingFaceConfig config, int layers)
    {
        if (!config.Boolean("use_sliding_window", absent: false))
            return new int[layers];
        int window = config.Int("sliding_window", 1, int.MaxValue, absent: 4096);
        int firstLocal = config.Int("max_window_layers", 0, int.MaxValue, absent: 28);
        return Windows(config, layers, window, layer => layer >= firstLocal);
    }
}
