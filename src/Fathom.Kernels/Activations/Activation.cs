namespace Fathom.Kernels.Activations;

/// <summary>Activation functions of feed-forward layers, element by element.</summary>
/// <remarks>
/// Outputs may be exactly an input and must not otherwise overlap one. Nothing is allocated. An element's result depends on
/// its own inputs alone, to the bit.
/// </remarks>
public static class Activation
{
    /// <summary>SiLU: y = x / (1 + e^-x).</summary>
    /// <param name="x">Values of any shape.</param>
    /// <param name="y">Same length as x.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Silu(ReadOnlySpan<float> x, Span<float> y) => Elementwise.Map(default(SiluOperator), x, y);

    /// <summary>GELU with the error function: y = x/2 (1 + erf(x/√2)).</summary>
    /// <param name="x">Values of any shape.</param>
    /// <param name="y">Same length as x.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    /// <remarks>Source: Hendrycks and Gimpel 2016.</remarks>
    public static void Gelu(ReadOnlySpan<float> x, Span<float> y) => Elementwise.Map(default(GeluOperator), x, y);

    /// <summary>GELU's tanh form: y = x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))), as GPT-2 and Gemma use.</summary>
    /// <param name="x">Values of any shape.</param>
    /// <param name="y">Same length as x.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void GeluTanh(ReadOnlySpan<float> x, Span<float> y) => Elementwise.Map(default(GeluTanhOperator), x, y);

    /// <summary>SwiGLU's product: y = SiLU(gate) · up.</summary>
    /// <param name="gate">Output of the gate projection.</param>
    /// <param name="up">Output of the up projection, same length.</param>
    /// <param name="y">Same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    /// <remarks>Source: Shazeer 2020.</remarks>
    public static void SwiGlu(ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> y) =>
        Elementwise.Map(default(GatedOperator<SiluOperator>), gate, up, y);

    /// <summary>GeGLU's product with GELU's tanh form: y = GELU(gate) · up.</summary>
    /// <param name="gate">Output of the gate projection.</param>
    /// <param name="up">Output of the up projection, same length.</param>
    /// <param name="y">Same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    /// <remarks>Source: Shazeer 2020.</remarks>
    public static void GeGlu(ReadOnlySpan<float> gate, ReadOnlySpan<float> up, Span<float> y) =>
        Elementwise.Map(default(GatedOperator<GeluTanhOperator>), gate, up, y);

    /// <summary>Soft cap: y = cap · tanh(x / cap), as Gemma 2 applies to attention scores and final logits.</summary>
    /// <param name="x">Values of any shape.</param>
    /// <param name="cap">Bound on |y|, positive and finite.</param>
    /// <param name="y">Same length as x.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    /// <exception cref="ArgumentOutOfRangeException">cap is not positive and finite.</exception>
    public static void SoftCap(ReadOnlySpan<float> x, float cap, Span<float> y)
    {
        if (!(cap > 0) || !float.IsFinite(cap))
            throw new ArgumentOutOfRangeException(nameof(cap), cap, "The cap must be positive and finite.");
        Elementwise.Map(new SoftCapOperator(cap), x, y);
    }

    /// <summary>Sum: y = a + b, as at a residual connection.</summary>
    /// <param name="a">Values of any shape.</param>
    /// <param name="b">Same length as a.</param>
    /// <param name="y">Same length.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Add(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) =>
        Elementwise.Map(default(AddOperator), a, b, y);

    /// <summary>Product with one factor: y = factor · x.</summary>
    /// <param name="x">Values of any shape.</param>
    /// <param name="factor">The factor.</param>
    /// <param name="y">Same length as x.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Scale(ReadOnlySpan<float> x, float factor, Span<float> y) =>
        Elementwise.Map(new ScaleOperator(factor), x, y);
}
