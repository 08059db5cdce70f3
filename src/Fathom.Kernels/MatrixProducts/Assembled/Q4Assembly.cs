namespace Fathom.Kernels.MatrixProducts.Assembled;

/// <summary>Q4_0: nibbles in the upper halves of their bytes, so 16·w; the sums begin at -128·(sum of a) and end 16 times too large.</summary>
internal sealed class Q4Assembly(int tokens, int askers) : DotAssembly(tokens, askers)
{
    private static readonly Zmm _scales = new(18);
    private static readonly Zmm _scratch = new(19);
    private static readonly Zmm _upperNibbles = new(20);
    private static readonly Zmm _sixteenth = new(21);

    public override ActivationForms Form => ActivationForms.Narrow32;

    public override int BlockBytes => Q4Panels.PackedQ4.BlockBytes;

    public override int BlockColumns => 32;

    protected override void Constants()
    {
        Code.BroadcastDword(_upperNibbles, 0xF0F0_F0F0);
        Code.BroadcastDword(_sixteenth, BitConverter.SingleToUInt32Bits(1f / 16));
    }

    protected override void Block()
    {
        AskAhead(0);
        BeginIntegers(0);
        for (var eight = 0; eight < 4; eight++)
        {
            var at = Q4Panels.NibblesAt + eight * 64;
            ForEachPanel(panel =>
            {
                Code.ShiftWordsLeft(Bytes(panel), Weights(panel, at), 4);
                Code.And(Bytes(panel), Bytes(panel), _upperNibbles);
            });
            Dot(2 * eight, Bytes, _scratch);
            ForEachPanel(panel => Code.And(Bytes(panel), _upperNibbles, Weights(panel, at)));
            Dot(2 * eight + 1, Bytes, _scratch);
        }
        ForEachPanel(panel =>
        {
            Code.WidenHalves(_scales, Weights(panel, 0));
            Code.MultiplySingles(_scales, _scales, _sixteenth);
            AddScaled(panel, Integers, _scales, _scratch);
        });
    }

    private static Zmm Bytes(int panel) => new(16 + panel);
}
