namespace Fathom.Kernels.MatrixProducts.Assembled;

/// <summary>Q8_0: w + 128 as unsigned bytes; the sums begin at -128·(sum of a).</summary>
/// <remarks>
/// A block's two halves have scales of the activations of their own: sum += (s0·scale0 + s1·scale1)·d, where the inner sum is rounded twice.
/// </remarks>
internal sealed class Q8Assembly(int tokens, int askers) : DotAssembly(tokens, askers)
{
    private static readonly Zmm _rowScales = new(18);
    private static readonly Zmm _scratch = new(19);
    private static readonly Zmm _signs = new(20);

    public override ActivationForms Form => ActivationForms.Narrow16;

    public override int BlockBytes => Q8Blocks.BlockBytes;

    public override int BlockColumns => 32;

    protected override void Constants() => Code.BroadcastDword(_signs, 0x8080_8080);

    protected override void Block()
    {
        AskAhead(0);
        DotHalf(0);
        ForEachSum((panel, token) => Code.MultiplySingles(Scaled(panel, token), Integers(panel, token), TokenScale(token)));
        DotHalf(1);
        ForEachSum((panel, token) => Code.MultiplyAddSingles(Scaled(panel, token), Integers(panel, token), TokenScale(token, half: 1)));
        ForEachPanel(panel =>
        {
            Code.WidenHalves(_rowScales, Weights(panel, 0));
            for (var token = 0; token < Tokens; token++)
                Code.MultiplyAddSingles(Sum(panel, token), Scaled(panel, token), _rowScales);
        });
    }

    private static Zmm Bytes(int panel) => new(16 + panel);

    /// <summary>Sums times the tokens' scales, one single a row.</summary>
    private static Zmm Scaled(int panel, int token) => new(24 + Tile * panel + token);

    /// <summary>The integer sums of 16 columns, as singles.</summary>
    private void DotHalf(int half)
    {
        BeginIntegers(half);
        for (var four = half * 4; four < half * 4 + 4; four++)
        {
            ForEachPanel(panel => Code.Xor(Bytes(panel), _signs, Weights(panel, Q8Blocks.ValuesAt + four * 64)));
            Dot(four, Bytes, _scratch);
        }
        ForEachSum((panel, token) => Code.ConvertToSingle(Integers(panel, token), Integers(panel, token)));
    }
}
