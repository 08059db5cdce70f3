namespace Fathom.Models.Architectures;

/// <summary>Which two dimensions of a head one rotation turns.</summary>
public enum RotaryPairing
{
    /// <summary>(2i, 2i+1): GGUF's llama convention.</summary>
    Interleaved,

    /// <summary>(i, i + n/2): NeoX and Hugging Face.</summary>
    HalfSplit,
}

/// <summary>How angles are rescaled for contexts longer than the one trained on.</summary>
public enum RotaryScaling
{
    /// <summary>Not at all, or only through <see cref="RotaryConfig.FrequencyFactors"/>.</summary>
    None,

    /// <summary>All positions divided by the factor.</summary>
    Linear,

    /// <summary>YaRN (Peng et al. 2023): a ramp between scaled and original frequencies, and a magnitude.</summary>
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
    public required RotaryPairing Pairing { get; init; }

    /// <summary>Rescaling of angles.</summary>
    public RotaryScaling Scaling { get; init; }

    /// <summary>Factor of linear and YaRN scaling; at least 1.</summary>
    public float Factor { get; init; } = 1;

    /// <summary>Divisors of each pair's frequency [Dimensions / 2] (llama3 and longrope), or null.</summary>
    public IReadOnlyList<float>? FrequencyFactors { get; init; }

    /// <summary>Factor on cosines and sines (longrope's and YaRN's attention factor).</summary>
    public float Magnitude { get; init; } = 1;

    /// <summary>Context length before scaling; used by YaRN.</summary>
    public int OriginalContextLength { get; init; }

    /// <summary>YaRN: rotations within the original context above which a frequency keeps its value.</summary>
    public float BetaFast { get; init; } = 32;

    /// <summary>YaRN: rotations within the original context below which a frequency is fully scaled.</summary>
    public float BetaSlow { get; init; } = 1;
}
