namespace Fathom.Kernels.MatrixProducts.Assembled;

/// <summary>Q8_0: w + 128 as unsigned bytes; the sums begin at -128·(sum of a).</summary>
internal sealed class Q8Assembly(int tokens) : DotAssembly(tokens)
{
    private static readonly Zmm _signs = new(20);
    private static readonly Zmm _scales = new(18);
    private static readonly Zmm _scratch = new(19);

    public override ActivationForms Form => ActivationForms.Narrow32;

    public override int BlockBytes => Q8Blocks.BlockBytes;

    public override int BlockColumns => 32;

    protected override void Constants() => Code.BroadcastDword(_signs, 0x8080_8080);

    protected override void Block()
    {
        PrefetchPart(0, 1);
        BeginIntegers(0);
        for (var four = 0; four < 8; four++)
        {
            BothPanels(panel => Code.Xor(Bytes(panel), _signs, Weights(panel, Q8Blocks.ValuesAt + four * 64)));
            Dot(four, Bytes(0), Bytes(1), _scratch);
        }
        BothPanels(panel =>
        {
            Code.WidenHalves(_scales, Weights(panel, 0));
            AddScaled(panel, Integers, _scales, _scratch);
        });
    }

    private static Zmm Bytes(int panel) => new(16 + panel);
}
