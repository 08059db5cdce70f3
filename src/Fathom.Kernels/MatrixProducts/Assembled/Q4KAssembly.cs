namespace Fathom.Kernels.MatrixProducts.Assembled;

/// <summary>Q4_K: first the minima times the tokens' sums, then nibbles times scales of 32 columns.</summary>
internal sealed class Q4KAssembly(int tokens, int askers) : SuperBlockAssembly(tokens, askers)
{
    private static readonly Zmm _lowerNibbles = new(30);
    private static readonly Zmm _lowerWords = new(31);

    public override int BlockBytes => Q4KPanels.PackedBlockBytes;

    protected override int Parts => 4;

    protected override void Constants()
    {
        Code.BroadcastDword(_lowerNibbles, 0x0F0F_0F0F);
        Code.BroadcastDword(_lowerWords, 0x0000_FFFF);
    }

    protected override void Block()
    {
        SubtractMins();
        ClearScaled();
        for (var pair = 0; pair < 4; pair++)
        {
            AskAhead(pair);
            var scalesAt = Q4KPanels.PackedScales + pair * 32;
            ForEachPanel(panel => Code.WidenUnsignedBytes(ScalePairs(panel), Weights(panel, scalesAt)));
            DotSubBlock(2 * pair);
            ForEachPanel(panel => Code.And(Bytes(panel), ScalePairs(panel), _lowerWords));
            AddToScaled();
            DotSubBlock(2 * pair + 1);
            ForEachPanel(panel => Code.ShiftDwordsRight(Bytes(panel), ScalePairs(panel), 16));
            AddToScaled();
        }
        AddBlock();
    }

    /// <summary>Scales of two neighbouring sub-blocks as words, a pair a row.</summary>
    private static Zmm ScalePairs(int panel) => new(28 + panel);

    private void SubtractMins()
    {
        ForEachSum((panel, token) => Code.Clear(Integers(panel, token)));
        for (var pair = 0; pair < 4; pair++)
        {
            var minsAt = Q4KPanels.PackedMins + pair * 32;
            ForEachPanel(panel => Code.WidenUnsignedBytes(Bytes(panel), Weights(panel, minsAt)));
            ForEachSum((panel, token) => Code.DotWords(Integers(panel, token), Bytes(panel), PairSum(pair, token)));
        }
        ForEachPanel(panel => Code.WidenHalves(Bytes(panel), Weights(panel, 32)));
        ForEachSum((panel, token) =>
        {
            Code.MultiplySingles(Scratch, Bytes(panel), TokenScale(token));
            Code.ConvertToSingle(Integers(panel, token), Integers(panel, token));
            Code.MultiplySubtractSingles(Sum(panel, token), Integers(panel, token), Scratch);
        });
    }

    private void DotSubBlock(int sub)
    {
        ForEachSum((panel, token) => Code.Clear(Integers(panel, token)));
        for (var eight = sub * 4; eight < sub * 4 + 4; eight++)
        {
            var at = Q4KPanels.PackedNibbles + eight * 64;
            ForEachPanel(panel => Code.And(Bytes(panel), _lowerNibbles, Weights(panel, at)));
            Dot(2 * eight, Bytes, Scratch);
            ForEachPanel(panel =>
            {
                Code.ShiftWordsRight(Bytes(panel), Weights(panel, at), 4);
                Code.And(Bytes(panel), Bytes(panel), _lowerNibbles);
            });
            Dot(2 * eight + 1, Bytes, Scratch);
        }
    }
}
