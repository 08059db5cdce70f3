using Fathom.Models.Gguf;

namespace Fathom.Models.Architectures;

/// <summary>Writes a configuration as GGUF metadata, under the keys that other readers know too.</summary>
internal static class GgufConfigWriter
{
    /// <summary>Sets every hyperparameter key of <paramref name="config"/>.</summary>
    /// <exception cref="UnsupportedModelException">GGUF has no key for something the configuration says.</exception>
    public static void Write(ModelConfig config, GgufMetadata metadata)
    {
        string architecture = config.Architecture;
        metadata.Set("general.architecture", architecture);
        if (config.Name is { } name)
            metadata.Set("general.name", name);
        SetInt("context_length", config.ContextLength);
        SetInt("embedding_length", config.HiddenSize);
        SetInt("block_count", config.Layers);
        SetInt("feed_forward_length", config.FeedForwardSize);
        SetInt("attention.head_count", config.Heads);
        SetInt("attention.head_count_kv", config.KvHeads);
        SetInt("attention.key_length", config.HeadSize);
        SetInt("attention.value_length", config.HeadSize);
        SetInt("vocab_size", config.VocabularySize);
        SetFloat(config.Norm == NormKind.Rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon", config.NormEpsilon);
        // Gemma readers guess it from the number of layers where the key is absent.
        if (config.AttentionScale != (float)(1 / Math.Sqrt(config.HeadSize)) || architecture is "gemma2" or "gemma3")
            SetFloat("attention.scale", config.AttentionScale);
        // Gemma 2's readers assume caps where the key is absent.
        if (config.AttentionSoftCap > 0 || architecture == "gemma2")
            SetFloat("attn_logit_softcapping", config.AttentionSoftCap);
        if (config.LogitSoftCap > 0 || architecture == "gemma2")
            SetFloat("final_logit_softcapping", config.LogitSoftCap);
        WriteWindows();
        if (config.Rotary is { } rotary)
            WriteRotary(rotary);
        if (config.LocalRotary is { } local)
            SetFloat("rope.freq_base_swa", local.Base);

        void SetInt(string key, int value) => metadata.Set($"{architecture}.{key}", (uint)value);

        void SetFloat(string key, float value) => metadata.Set($"{architecture}.{key}", value);

        void WriteWindows()
        {
            int window = config.SlidingWindows.Max();
            if (window == 0)
                return;
            // Readers know the pattern from the architecture; a model with another one would silently change.
            for (int layer = 0; layer < config.Layers; layer++)
            {
                bool local = architecture switch
                {
                    "gemma2" => layer % 2 == 0,
                    "gemma3" => layer % 6 < 5,
                    "llama" or "phi3" => true,
                    _ => false,
                };
                if (config.SlidingWindows[layer] != (local ? window : 0))
                    throw new UnsupportedModelException(metadata.Origin, $"layer {layer}", $"GGUF cannot express its sliding window of {config.SlidingWindows[layer]}");
            }

            SetInt("attention.sliding_window", window);
        }

        void WriteRotary(RotaryConfig rotary)
        {
            SetInt("rope.dimension_count", rotary.Dimensions);
            SetFloat("rope.freq_base", rotary.Base);
            string? scaling = rotary.Scaling switch
            {
                RotaryScaling.Linear => "linear",
                RotaryScaling.Yarn => "yarn",
                _ => rotary.LongFrequencyFactors is null ? null : "longrope",
            };
            if (scaling is null)
                return;
            metadata.Set($"{architecture}.rope.scaling.type", scaling);
            SetInt("rope.scaling.original_context_length", rotary.OriginalContextLength);
            if (rotary.Scaling != RotaryScaling.None)
                SetFloat("rope.scaling.factor", rotary.Factor);
            if (rotary.Scaling == RotaryScaling.Yarn)
            {
                SetFloat("rope.scaling.yarn_beta_fast", rotary.BetaFast);
                SetFloat("rope.scaling.yarn_beta_slow", rotary.BetaSlow);
                SetFloat("rope.scaling.attn_factor", rotary.AttentionFactor / RotaryReader.YarnMagnitude(rotary.Factor));
            }
            else if (rotary.AttentionFactor != 1)
            {
                SetFloat("rope.scaling.attn_factor", rotary.AttentionFactor);
            }
        }
    }

    /// <summary>Frequency factors, which GGUF keeps as tensors of F32.</summary>
    public static List<(string Name, float[] Values)> FactorTensors(ModelConfig config)
    {
        var tensors = new List<(string, float[])>();
        if (config.Rotary is not { } rotary)
            return tensors;
        bool longRope = rotary.LongFrequencyFactors is not null;
        if (rotary.FrequencyFactors is { } factors)
            tensors.Add((longRope ? "rope_factors_short.weight" : "rope_freqs.weight", [.. factors]));
        if (rotary.LongFrequencyFactors is { } longFactors)
            tensors.Add(("rope_factors_long.weight", [.. longFactors]));
        return tensors;
    }
}
