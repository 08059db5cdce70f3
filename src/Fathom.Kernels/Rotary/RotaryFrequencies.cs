namespace Fathom.Kernels.Rotary;

/// <summary>The angle per position of each pair of a head, and the factor on cosine and sine.</summary>
/// <remarks>
/// Immutable. Pair i turns by position · <see cref="RadiansPerPosition"/>[i]. Unscaled: base^(-2i/rotaryDims). Source: Su et
/// al. 2021; the scalings name theirs.
/// </remarks>
public sealed class RotaryFrequencies
{
    private readonly double[] _radiansPerPosition;

    private RotaryFrequencies(double[] radiansPerPosition, RotaryLayout layout, double attentionFactor)
    {
        foreach (var radians in radiansPerPosition)
        {
            if (!double.IsFinite(radians))
                throw new ArgumentException("A rotary frequency is not finite; base, factors or scaling are out of range.");
        }
        _radiansPerPosition = radiansPerPosition;
        Layout = layout;
        AttentionFactor = attentionFactor;
    }

    /// <summary>Which values form a pair.</summary>
    public RotaryLayout Layout { get; }

    /// <summary>Leading values of each head that turn; the rest pass unchanged.</summary>
    public int RotaryDims => 2 * _radiansPerPosition.Length;

    /// <summary>Factor on cosine and sine, 1 unless YaRN or LongRoPE scale attention through it.</summary>
    public double AttentionFactor { get; }

    /// <summary>Radians per position of each pair, RotaryDims / 2 of them.</summary>
    public ReadOnlySpan<double> RadiansPerPosition => _radiansPerPosition;

    /// <summary>Unscaled frequencies: base^(-2i/rotaryDims).</summary>
    /// <param name="rotaryDims">Leading values of each head that turn; even and positive.</param>
    /// <param name="frequencyBase">θ, such as 10,000; positive.</param>
    /// <param name="layout">Which values form a pair.</param>
    /// <exception cref="ArgumentOutOfRangeException">rotaryDims is not even and positive, or the base is not positive and finite.</exception>
    public static RotaryFrequencies Create(int rotaryDims, double frequencyBase, RotaryLayout layout)
    {
        if (rotaryDims <= 0 || rotaryDims % 2 != 0)
            throw new ArgumentOutOfRangeException(nameof(rotaryDims), rotaryDims, "Rotary dimensions must be even and positive.");
        if (!(frequencyBase > 0) || !double.IsFinite(frequencyBase))
            throw new ArgumentOutOfRangeException(nameof(frequencyBase), frequencyBase, "The rotary base must be positive and finite.");
        var radians = new double[rotaryDims / 2];
        for (var i = 0; i < radians.Length; i++)
            radians[i] = Math.Pow(frequencyBase, -2.0 * i / rotaryDims);
        return new RotaryFrequencies(radians, layout, 1);
    }

    /// <summary>Linear position interpolation: every frequency divided by one factor.</summary>
    /// <param name="factor">How many times longer the context becomes; positive.</param>
    /// <exception cref="ArgumentOutOfRangeException">The factor is not positive.</exception>
    /// <remarks>Source: Chen et al. 2023.</remarks>
    public RotaryFrequencies ScaleLinearly(double factor)
    {
        ThrowIfNotPositive(factor, nameof(factor));
        return With(i => _radiansPerPosition[i] / factor, AttentionFactor);
    }

    /// <summary>Each frequency divided by its own factor: GGUF's <c>rope_freqs</c>, LongRoPE's long and short factors.</summary>
    /// <param name="factors">One positive factor for each pair.</param>
    /// <param name="attentionFactor">Factor on cosine and sine; LongRoPE's is <see cref="LongRopeAttentionFactor"/>.</param>
    /// <exception cref="ArgumentException">Another number of factors than pairs, or one that is not positive.</exception>
    /// <remarks>Source: Ding et al. 2024.</remarks>
    public RotaryFrequencies DivideBy(ReadOnlySpan<float> factors, double attentionFactor = 1)
    {
        if (factors.Length != _radiansPerPosition.Length)
            throw new ArgumentException($"{factors.Length} frequency factors do not fit {_radiansPerPosition.Length} pairs.", nameof(factors));
        ThrowIfNotPositive(attentionFactor, nameof(attentionFactor));
        var radians = new double[factors.Length];
        for (var i = 0; i < radians.Length; i++)
        {
            if (!(factors[i] > 0))
                throw new ArgumentException($"Frequency factor {i} is {factors[i]}; it must be positive.", nameof(factors));
            radians[i] = _radiansPerPosition[i] / factors[i];
        }
        return new RotaryFrequencies(radians, Layout, AttentionFactor * attentionFactor);
    }

    /// <summary>Llama 3.1's scaling: long wavelengths divided by the factor, short ones kept, a smooth blend between.</summary>
    /// <param name="factor">How many times longer the context becomes.</param>
    /// <param name="lowFrequencyFactor">Wavelengths above originalContext / this are divided.</param>
    /// <param name="highFrequencyFactor">Wavelengths below originalContext / this are kept; larger than the low one.</param>
    /// <param name="originalContext">Tokens of context in pre-training.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is not positive, or the factors are not in order.</exception>
    /// <remarks>Source: Hugging Face transformers, <c>rope_type</c> "llama3".</remarks>
    public RotaryFrequencies ScaleLlama3(
        double factor, double lowFrequencyFactor, double highFrequencyFactor, double originalContext)
    {
        ThrowIfNotPositive(factor, nameof(factor));
        ThrowIfNotPositive(lowFrequencyFactor, nameof(lowFrequencyFactor));
        ThrowIfNotPositive(originalContext, nameof(originalContext));
        if (!(highFrequencyFactor > lowFrequencyFactor))
        {
            throw new ArgumentOutOfRangeException(
                nameof(highFrequencyFactor), highFrequencyFactor, $"Must be larger than the low one, {lowFrequencyFactor}.");
        }
        return With(Scaled, AttentionFactor);

        double Scaled(int i)
        {
            var radians = _radiansPerPosition[i];
            var turns = originalContext * radians / (2 * Math.PI);
            var kept = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
            return Blend(radians / factor, radians, Math.Clamp(kept, 0, 1));
        }
    }

    /// <summary>YaRN: interpolation for pairs that turn seldom over the original context, none for those that turn often.</summary>
    /// <param name="factor">How many times longer the context becomes.</param>
    /// <param name="originalContext">Tokens of context in pre-training.</param>
    /// <param name="frequencyBase">θ, the base the frequencies were made from.</param>
    /// <param name="betaFast">Pairs with more turns than this are kept.</param>
    /// <param name="betaSlow">Pairs with fewer turns than this are divided by the factor.</param>
    /// <param name="attentionFactor">Factor on cosine and sine, or null for YaRN's own, 0.1 ln(factor) + 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is not positive, or the base is 1.</exception>
    /// <remarks>Source: Peng et al. 2023; bounds rounded outwards as Hugging Face transformers and llama.cpp do.</remarks>
    public RotaryFrequencies ScaleYarn(
        double factor, double originalContext, double frequencyBase, double betaFast = 32, double betaSlow = 1,
        double? attentionFactor = null)
    {
        ThrowIfNotPositive(factor, nameof(factor));
        ThrowIfNotPositive(originalContext, nameof(originalContext));
        ThrowIfNotPositive(betaFast, nameof(betaFast));
        ThrowIfNotPositive(betaSlow, nameof(betaSlow));
        if (!(frequencyBase > 0) || frequencyBase == 1)
            throw new ArgumentOutOfRangeException(nameof(frequencyBase), frequencyBase, "The rotary base must be positive and not 1.");
        var low = Math.Max(0, Math.Floor(PairWithTurns(betaFast)));
        var high = Math.Min(RotaryDims - 1, Math.Ceiling(PairWithTurns(betaSlow)));
        var width = Math.Max(0.001, high - low);
        var attention = attentionFactor ?? (factor > 1 ? 0.1 * Math.Log(factor) + 1 : 1);
        ThrowIfNotPositive(attention, nameof(attentionFactor));
        return With(Scaled, AttentionFactor * attention);

        double PairWithTurns(double turns) =>
            RotaryDims * Math.Log(originalContext / (turns * 2 * Math.PI)) / (2 * Math.Log(frequencyBase));

        double Scaled(int i)
        {
            var radians = _radiansPerPosition[i];
            var interpolated = Math.Clamp((i - low) / width, 0, 1);
            return Blend(radians / factor, radians, 1 - interpolated);
        }
    }

    /// <summary>LongRoPE's attention factor: sqrt(1 + ln(context / originalContext) / ln(originalContext)), 1 when not extended.</summary>
    /// <param name="context">Tokens of context the factors were made for.</param>
    /// <param name="originalContext">Tokens of context in pre-training; more than 1.</param>
    public static double LongRopeAttentionFactor(double context, double originalContext) =>
        context <= originalContext ? 1 : Math.Sqrt(1 + Math.Log(context / originalContext) / Math.Log(originalContext));

    private static double Blend(double divided, double kept, double keptShare) => (1 - keptShare) * divided + keptShare * kept;

    private static void ThrowIfNotPositive(double value, string name)
    {
        if (!(value > 0) || !double.IsFinite(value))
            throw new ArgumentOutOfRangeException(name, value, "Must be positive and finite.");
    }

    private RotaryFrequencies With(Func<int, double> radians, double attentionFactor)
    {
        var scaled = new double[_radiansPerPosition.Length];
        for (var i = 0; i < scaled.Length; i++)
            scaled[i] = radians(i);
        return new RotaryFrequencies(scaled, Layout, attentionFactor);
    }
}
