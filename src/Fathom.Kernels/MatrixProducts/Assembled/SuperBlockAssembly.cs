namespace Fathom.Kernels.MatrixProducts.Assembled;

/// <summary>What Q4_K and Q6_K share: blocks of 256 columns whose sub-blocks' integer sums are multiplied by integer scales.</summary>
/// <remarks>zmm 16-23 hold the scaled sums, one int32 a row: 4p + t. Exact, so only the block's end rounds.</remarks>
internal abstract class SuperBlockAssembly(int tokens, int askers) : DotAssembly(tokens, askers)
{
    /// <summary>Overwritten by anything.</summary>
    protected static readonly Zmm Scratch = new(26);

    public override ActivationForms Form => ActivationForms.Narrow256;

    public override int BlockColumns => 256;

    protected static Zmm Scaled(int panel, int token) => new(16 + Tile * panel + token);

    /// <summary>Weights of four columns; between sub-blocks the scales of one.</summary>
    protected static Zmm Bytes(int panel) => new(24 + panel);

    protected void ClearScaled() => ForEachSum((panel, token) => Code.Clear(Scaled(panel, token)));

    /// <summary>Scaled sums += integer sums · <see cref="Bytes"/>, which hold an int32 scale a row.</summary>
    protected void AddToScaled() => ForEachSum((panel, token) =>
    {
        Code.MultiplyLow(Integers(panel, token), Integers(panel, token), Bytes(panel));
        Code.Add(Scaled(panel, token), Scaled(panel, token), Integers(panel, token));
    });

    /// <summary>sum += scaled sums · (d · the token's scale), d being the halves at the block's begin.</summary>
    protected void AddBlock() => ForEachPanel(panel =>
    {
        Code.WidenHalves(Bytes(panel), Weights(panel, 0));
        AddScaled(panel, Scaled, Bytes(panel), Scratch);
    });
}
