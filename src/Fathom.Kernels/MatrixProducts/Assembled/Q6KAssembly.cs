namespace Fathom.Kernels.MatrixProducts.Assembled;

/// <summary>Q6_K: codes 0 to 63 from nibbles and upper bits, times scales of 16 columns; the sums begin at -32·(sum of a).</summary>
internal sealed class Q6KAssembly(int tokens, int askers) : SuperBlockAssembly(tokens, askers)
{
    private static readonly Zmm _shifted = new(29);
    private static readonly Zmm _lowerNibbles = new(30);
    private static readonly Zmm _upperBits = new(31);

    public override int BlockBytes => Q6KPanels.PackedBlockBytes;

    protected override int Parts => 16;

    protected override void Constants()
    {
        Code.BroadcastDword(_lowerNibbles, 0x0F0F_0F0F);
        Code.BroadcastDword(_upperBits, 0x3030_3030);
    }

    protected override void Block()
    {
        ClearScaled();
        for (var sub = 0; sub < 16; sub++)
        {
            AskAhead(sub);
            BeginIntegers(sub);
            var highAt = Q6KPanels.PackedHigh + sub * 64;
            ForEachPanel(panel => Code.LoadUnaligned(High(panel), Weights(panel, highAt)));
            for (var four = 0; four < 4; four++)
            {
                LoadCodes(sub, four);
                Dot(sub * 4 + four, Bytes, Scratch);
            }
            LoadScales(sub);
            AddToScaled();
        }
        AddBlock();
    }

    /// <summary>Upper two bits of a sub-block's 16 columns.</summary>
    private static Zmm High(int panel) => new(27 + panel);

    private void LoadCodes(int sub, int four) => ForEachPanel(panel =>
    {
        var nibbles = Weights(panel, Q6KPanels.PackedNibbles + (2 * sub + four / 2) * 64);
        if (four % 2 == 0)
        {
            Code.And(Bytes(panel), _lowerNibbles, nibbles);
        }
        else
        {
            Code.ShiftWordsRight(Bytes(panel), nibbles, 4);
            Code.And(Bytes(panel), Bytes(panel), _lowerNibbles);
        }
        // Bits 2·four and the next go to bits 4 and 5.
        var shift = 4 - 2 * four;
        if (shift > 0)
            Code.ShiftWordsLeft(_shifted, High(panel), shift);
        else if (shift < 0)
            Code.ShiftWordsRight(_shifted, High(panel), -shift);
        Code.OrAnd(Bytes(panel), shift == 0 ? High(panel) : _shifted, _upperBits);
    });

    /// <summary>The sub-block's scales with their signs, one int32 a row.</summary>
    private void LoadScales(int sub) => ForEachPanel(panel =>
    {
        Code.WidenSignedBytes(Bytes(panel), Weights(panel, Q6KPanels.PackedScales + sub / 2 * 32));
        if (sub % 2 == 0)
            Code.ShiftDwordsLeft(Bytes(panel), Bytes(panel), 16);
        Code.ShiftDwordsRightSigned(Bytes(panel), Bytes(panel), 16);
    });
}
