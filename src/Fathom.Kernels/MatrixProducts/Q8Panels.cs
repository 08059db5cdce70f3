using Fathom.Kernels.MatrixProducts.Assembled;
using Fathom.Kernels.MatrixProducts.Portable;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Q8_0: int16 products with activations of 12 bits, or, with VNNI and in portable vectors, byte products with those of 8.</summary>
internal sealed unsafe class Q8Panels(in WeightShape shape) : WidePanels<Q8Blocks>(shape)
{
    private static readonly DotKernel? _dots = DotKernel.Create((tokens, askers) => new Q8Assembly(tokens, askers));

    private protected override DotKernel? Dots => _dots;

    private protected override ActivationForms? PortableForm => ActivationForms.Narrow16;

    private protected override void MultiplyPortable(int panel, in Activations x, int token, int column, int columns, float* sums)
    {
        var (tile, slot) = (token / Activations.TileTokens, token % Activations.TileTokens);
        PortableRows.MultiplyQ8(Block(panel, column), columns / 32, x.DotsAt(ActivationForms.Narrow16, tile, column), slot, sums);
    }

    private protected override void MultiplyScalar(int panel, in Activations x, int token, float* sums)
    {
        if (x.Level is not (SimdLevel.Vnni or SimdLevel.Portable))
        {
            base.MultiplyScalar(panel, x, token, sums);
            return;
        }
        var slot = token % Activations.TileTokens;
        for (var column = 0; column < Columns; column += 32)
        {
            var block = Block(panel, column);
            var at = x.DotsAt(ActivationForms.Narrow16, token / Activations.TileTokens, column);
            for (var lane = 0; lane < PanelRows; lane++)
            {
                int s0 = 0, s1 = 0;
                for (var k = 0; k < 16; k++)
                {
                    s0 += Q8Blocks.Value(block, lane, k) * at.Values[(k / 4 * Activations.TileTokens + slot) * 4 + k % 4];
                    s1 += Q8Blocks.Value(block, lane, k + 16) * at.Values[((k / 4 + 4) * Activations.TileTokens + slot) * 4 + k % 4];
                }
                sums[lane] += (s0 * at.Scales[slot] + s1 * at.Scales[Activations.TileTokens + slot]) * Q8Blocks.Scale(block, 0, lane);
            }
        }
    }
}
