using Fathom.Kernels.Rotary;
using Fathom.Models.HuggingFace;

namespace Fathom.Models.Architectures;

/// <summary>Reads rotary embeddings and their scalings from both kinds of model.</summary>
internal static class RotaryReader
{
    private const float BaseDefault = 10000;
    private const float BaseMax = 1e12f;
    private const float FactorMax = 1e6f;

    public static RotaryConfig FromGguf(GgufKeys keys, RotaryLayout layout, int headSize, int contextLength)
    {
        int dimensions = keys.Int("rope.dimension_count", 2, Limits.HeadSizeMax, absent: headSize);
        CheckDimensions(keys.Origin, keys.Full("rope.dimension_count"), dimensions, headSize);
        var rotary = new RotaryConfig
        {
            Dimensions = dimensions,
            Base = keys.Float("rope.freq_base", 1.0001f, BaseMax, absent: BaseDefault),
            Layout = layout,
            FrequencyFactors = keys.Factors("rope_freqs.weight", dimensions / 2) ?? keys.Factors("rope_factors_short.weight", dimensions / 2),
            LongFrequencyFactors = keys.Factors("rope_factors_long.weight", dimensions / 2),
            OriginalContextLength = keys.Int("rope.scaling.original_context_length", 2, Limits.ContextMax, absent: contextLength),
            AttentionFactor = keys.Float("rope.scaling.attn_factor", 1e-3f, 1e3f, absent: 1),
        };
        string scaling = keys.Text("rope.scaling.type") ?? "none";
        // Files made before scaling had a type give only a linear factor.
        float factor = keys.Has("rope.scaling.factor")
            ? keys.Float("rope.scaling.factor", 0, FactorMax)
            : keys.Float("rope.scale_linear", 0, FactorMax, absent: 0);
        if (factor == 0)
            factor = 1;
        switch (scaling)
        {
            case "none" when !keys.Has("rope.scale_linear"):
            case "longrope":
                return rotary;
            case "none":
            case "linear":
                return factor == 1 ? rotary : rotary with { Scaling = RotaryScaling.Linear, Factor = factor };
            case "yarn":
                return rotary with
                {
                    Scaling = RotaryScaling.Yarn,
                    Factor = factor,
                    // GGUF's factor comes on top of YaRN's own.
                    AttentionFactor = rotary.AttentionFactor * YarnMagnitude(factor),
                    BetaFast = keys.Float("rope.scaling.yarn_beta_fast", 1e-3f, FactorMax, absent: 32),
                    BetaSlow = keys.Float("rope.scaling.yarn_beta_slow", 1e-3f, FactorMax, absent: 1),
                };
            default:
                throw new UnsupportedModelException(keys.Origin, keys.Full("rope.scaling.type"), $"is {scaling}; none, linear, yarn and longrope are implemented");
        }
    }

    public static RotaryConfig FromHuggingFace(HuggingFaceConfig config, RotaryLayout layout, int headSize, int contextLength)
    {
        float share = config.Float("partial_rotary_factor", 0.001f, 1, absent: 1);
        int dimensions = (int)(headSize * share);
        CheckDimensions(config.Origin, "partial_rotary_factor", dimensions, headSize);
        // Newer configs put everything into rope_parameters.
        HuggingFaceConfig? parameters = config.Object("rope_parameters");
        float frequencyBase = (parameters is not null && parameters.Has("rope_theta") ? parameters : config)
            .Float("rope_theta", 1.0001f, BaseMax, absent: BaseDefault);
        var rotary = new RotaryConfig
        {
            Dimensions = dimensions,
            Base = frequencyBase,
            Layout = layout,
            OriginalContextLength = contextLength,
        };
        HuggingFaceConfig? scaling = parameters ?? config.Object("rope_scaling");
        return scaling is null ? rotary : Scale(rotary, config, scaling, contextLength);
    }

    /// <summary>YaRN's own factor on cosines and sines.</summary>
    public static float YarnMagnitude(float factor) => factor > 1 ? 0.1f * MathF.Log(factor) + 1 : 1;

    private static RotaryConfig Scale(RotaryConfig rotary, HuggingFaceConfig config, HuggingFaceConfig scaling, int contextLength)
    {
        string type = scaling.Text("rope_type") ?? scaling.Text("type") ?? "default";
        int original = scaling.Int(
            "original_max_position_embeddings", 2, Limits.ContextMax,
            absent: config.Int("original_max_position_embeddings", 2, Limits.ContextMax, absent: contextLength));
        switch (type)
        {
            case "default":
                return rotary;
            case "linear":
                return rotary with { Scaling = RotaryScaling.Linear, Factor = scaling.Float("factor", 1, FactorMax) };
            case "llama3":
                return rotary with { FrequencyFactors = Llama3Factors(rotary, scaling, original), OriginalContextLength = original };
            case "yarn":
                float factor = scaling.Float("factor", 1, FactorMax);
                return rotary with
                {
                    Scaling = RotaryScaling.Yarn,
                    Factor = factor,
                    OriginalContextLength = original,
                    AttentionFactor = scaling.Float("attention_factor", 1e-3f, 1e3f, absent: YarnMagnitude(factor)),
                    BetaFast = scaling.Float("beta_fast", 1e-3f, FactorMax, absent: 32),
                    BetaSlow = scaling.Float("beta_slow", 1e-3f, FactorMax, absent: 1),
                };
            case "longrope" or "su":
                return rotary with
                {
                    FrequencyFactors = scaling.PositiveNumbers("short_factor", rotary.Dimensions / 2) ?? throw scaling.Missing("short_factor"),
                    LongFrequencyFactors = scaling.PositiveNumbers("long_factor", rotary.Dimensions / 2) ?? throw scaling.Missing("long_factor"),
                    OriginalContextLength = original,
                    AttentionFactor = scaling.Float(
                        "attention_factor", 1e-3f, 1e3f, absent: (float)RotaryFrequencies.LongRopeAttentionFactor(contextLength, original)),
                };
            default:
                throw scaling.Unsupported("rope_type", $"is {type}; default, linear, llama3, yarn and longrope are implemented");
        }
    }

    /// <summary>Llama 3's scaling in the form that GGUF keeps: a divisor for each pair, in single precision.</summary>
    private static float[] Llama3Factors(RotaryConfig rotary, HuggingFaceConfig scaling, int originalContextLength)
    {
        float low = scaling.Float("low_freq_factor", 1e-3f, FactorMax);
        float high = scaling.Float("high_freq_factor", 1e-3f, FactorMax);
        if (high <= low)
            throw new HuggingFaceFormatException(scaling.Origin, "rope_scaling.high_freq_factor", $"is {high}, not above low_freq_factor {low}");
        RotaryFrequencies plain = RotaryFrequencies.Create(rotary.Dimensions, rotary.Base, rotary.Layout);
        RotaryFrequencies scaled = plain.ScaleLlama3(scaling.Float("factor", 1, FactorMax), low, high, originalContextLength);
        var factors = new float[rotary.Dimensions / 2];
        for (int i = 0; i < factors.Length; i++)
            factors[i] = (float)(plain.RadiansPerPosition[i] / scaled.RadiansPerPosition[i]);
        return factors;
    }

    private static void CheckDimensions(string origin, string field, int dimensions, int headSize)
    {
        if (dimensions < 2 || dimensions % 2 != 0 || dimensions > headSize)
            throw new InvalidModelException(origin, field, $"gives {dimensions} rotating dimensions of a head of {headSize}; an even number up to that is needed");
    }
}
