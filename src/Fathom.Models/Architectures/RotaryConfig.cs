using Fathom.Kernels.Rotary;

namespace Fathom.Models.Architectures;

/// <summary>How frequencies are rescaled for contexts longer than the one trained on.</summary>
public enum RotaryScaling
{
    /// <summary>Not at all, or through frequency factors that are stored as numbers.</summary>
    None,

    /// <summary>All positions divided by the factor (Chen et al. 2023).</summary>
    Linear,

    /// <summary>A ramp between scaled and original frequencies, and a magnitude (Peng et al. 2023).</summary>
    Yarn,
}

/// <summary>Rotary position embedding of one kind of layer.</summary>
public sealed record RotaryConfig
{
    /// <summary>Dimensions of each head that rotate, from the first; even, at most the head size.</summary>
    public required int Dimensions { get; init; }

    /// <summary>Base of the geometric series of frequencies.</summary>
    public required float Base { get; init; }

    /// <summary>Which dimensions pair up.</summary>
    public required RotaryLayout Layout { get; init; }

    /// <summary>Rescaling of frequencies.</summary>
    public RotaryScaling Scaling { get; init; }

    /// <summary>Factor of linear and YaRN scaling.</summary>
    public float Factor { get; init; } = 1;

    /// <summary>Divisors of each pair's frequency [Dimensions / 2], or null: Llama 3's scaling, and LongRoPE's for short contexts.</summary>
    public IReadOnlyList<float>? FrequencyFactors { get; init; }

    /// <summary>LongRoPE's divisors for contexts beyond <see cref="OriginalContextLength"/>, or null.</summary>
    public IReadOnlyList<float>? LongFrequencyFactors { get; init; }

    /// <summary>Factor on cosines and sines, YaRN's and LongRoPE's included.</summary>
    public float AttentionFactor { get; init; } = 1;

    /// <summary>Context length before scaling; 0 when nothing needs it.</summary>
    public int OriginalContextLength { get; init; }

    /// <summary>YaRN: turns within the original context above which a frequency is kept.</summary>
    public float BetaFast { get; init; } = 32;

    /// <summary>YaRN: turns within the original context below which a frequency is fully scaled.</summary>
    public float BetaSlow { get; init; } = 1;

    /// <summary>The frequencies that these numbers describe.</summary>
    /// <param name="contextLength">Longest context that will be served; chooses between LongRoPE's two sets.</param>
    /// <exception cref="ArgumentException">The numbers are out of range.</exception>
    public RotaryFrequencies ToFrequencies(int contextLength)
    {
        RotaryFrequencies frequencies = RotaryFrequencies.Create(Dimensions, Base, Layout);
        frequencies = Scaling switch
        {
            RotaryScaling.Linear => frequencies.ScaleLinearly(Factor),
            RotaryScaling.Yarn => frequencies.ScaleYarn(Factor, OriginalContextLength, Base, BetaFast, BetaSlow, AttentionFactor),
            _ => frequencies,
        };
        IReadOnlyList<float>? factors =
            LongFrequencyFactors is not null && contextLength > OriginalContextLength ? LongFrequencyFactors : FrequencyFactors;
        return factors is null ? frequencies : frequencies.DivideBy([.. factors], Scaling == RotaryScaling.Yarn ? 1 : AttentionFactor);
    }
}
