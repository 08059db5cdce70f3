using System.Runtime.CompilerServices;
using Fathom.Kernels.MatrixProducts.Assembled;

namespace Fathom.Kernels.MatrixProducts.Portable;

/// <summary>
/// One token times one panel in vectors of 128 bits: what runs on Arm64, with its dot product of bytes, and on any processor without AVX2.
/// Each adds to sums[16]; integer sums are exact, and roundings are those of the scalar twins but for the fused additions.
/// </summary>
/// <remarks>Activations: <see cref="Activations.DotsAt"/>. Weights: the panels' packed blocks.</remarks>
internal static unsafe class PortableRows
{
    private const int Tile = Activations.TileTokens;

    /// <summary>sum += (products with w - 8) · (row's scale · token's scale), a block of 32 columns at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyQ4(byte* w, int blocks, DotArguments x, int slot, float* sums)
    {
        var y = SixteenOf128.Load(sums);
        for (; blocks > 0; blocks--, w += Q4Panels.PackedQ4.BlockBytes, x.Values += 32 * Tile, x.Scales += Tile, x.Starts += Tile)
        {
            var s = new RowIntegers(x.Starts[slot] / 16); // the starts are those of weights times 16
            for (var eight = 0; eight < 4; eight++)
                s.AddNibbles(w + Q4Panels.NibblesAt + eight * 64, RowIntegers.Four(x.Values, 2 * eight, slot), RowIntegers.Four(x.Values, 2 * eight + 1, slot));
            y = SixteenOf128.MultiplyAdd(s.ToSingles(), SixteenOf128.LoadHalves((short*)w) * SixteenOf128.Create(x.Scales[slot]), y);
        }
        y.Store(sums);
    }

    /// <summary>sum += (first 16 columns' products · their scale + the others' · theirs) · row's scale, a block of 32 columns at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyQ8(byte* w, int blocks, DotArguments x, int slot, float* sums)
    {
        var y = SixteenOf128.Load(sums);
        for (; blocks > 0; blocks--, w += Q8Blocks.BlockBytes, x.Values += 32 * Tile, x.Scales += 2 * Tile)
        {
            RowIntegers s0 = new(0), s1 = new(0);
            for (var four = 0; four < 4; four++)
            {
                s0.AddProducts((sbyte*)w + Q8Blocks.ValuesAt + four * 64, RowIntegers.Four(x.Values, four, slot));
                s1.AddProducts((sbyte*)w + Q8Blocks.ValuesAt + (four + 4) * 64, RowIntegers.Four(x.Values, four + 4, slot));
            }
            var scaled = SixteenOf128.MultiplyAdd(
                s1.ToSingles(), SixteenOf128.Create(x.Scales[Tile + slot]), s0.ToSingles() * SixteenOf128.Create(x.Scales[slot]));
            y = SixteenOf128.MultiplyAdd(scaled, SixteenOf128.LoadHalves((short*)w), y);
        }
        y.Store(sums);
    }

    /// <summary>First the minima times the token's sums, then nibbles times scales of 32 columns, a block of 256 columns at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyQ4K(byte* w, int blocks, DotArguments x, int slot, float* sums)
    {
        var y = SixteenOf128.Load(sums);
        for (; blocks > 0; blocks--, w += Q4KPanels.PackedBlockBytes, x.Values += 256 * Tile, x.Scales += Tile, x.PairSums += 8 * Tile)
        {
            RowIntegers mins = new(0), scaled = new(0);
            for (var sub = 0; sub < 8; sub++)
            {
                var factors = (sbyte*)w + sub / 2 * 32;
                mins.AddScaled(x.PairSums[(sub / 2 * Tile + slot) * 2 + sub % 2], factors + Q4KPanels.PackedMins, sub % 2);
                var s = new RowIntegers(0);
                for (var eight = sub * 4; eight < sub * 4 + 4; eight++)
                    s.AddNibbles(w + Q4KPanels.PackedNibbles + eight * 64, RowIntegers.Four(x.Values, 2 * eight, slot), RowIntegers.Four(x.Values, 2 * eight + 1, slot));
                scaled.AddScaled(s, factors + Q4KPanels.PackedScales, sub % 2);
            }
            var scale = x.Scales[slot];
            y = SixteenOf128.MultiplyAdd(mins.ToSingles(), SixteenOf128.LoadHalves((short*)(w + 32)) * SixteenOf128.Create(-scale), y);
            y = SixteenOf128.MultiplyAdd(scaled.ToSingles(), SixteenOf128.LoadHalves((short*)w) * SixteenOf128.Create(scale), y);
        }
        y.Store(sums);
    }

    /// <summary>Products with w - 32 times scales of 16 columns, a block of 256 columns at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyQ6K(byte* w, int blocks, DotArguments x, int slot, float* sums)
    {
        var y = SixteenOf128.Load(sums);
        for (; blocks > 0; blocks--, w += Q6KPanels.PackedBlockBytes, x.Values += 256 * Tile, x.Scales += Tile, x.Starts += 16 * Tile)
        {
            var scaled = new RowIntegers(0);
            for (var sub = 0; sub < 16; sub++)
            {
                var s = new RowIntegers(x.Starts[sub * Tile + slot]);
                s.AddSixBits(w + Q6KPanels.PackedNibbles + sub * 128, w + Q6KPanels.PackedHigh + sub * 64, x.Values + sub * 16 * Tile, slot);
                scaled.AddScaled(s, (sbyte*)w + Q6KPanels.PackedScales + sub / 2 * 32, sub % 2);
            }
            y = SixteenOf128.MultiplyAdd(scaled.ToSingles(), SixteenOf128.LoadHalves((short*)w) * SixteenOf128.Create(x.Scales[slot]), y);
        }
        y.Store(sums);
    }

    /// <summary>sum = fma of a column's 16 weights and the token's value, column by column.</summary>
    /// <typeparam name="TColumns">How a column of weights becomes singles.</typeparam>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplySingles<TColumns>(byte* w, int columns, float* x, float* sums)
        where TColumns : struct, IPortableColumns
    {
        var y = SixteenOf128.Load(sums);
        for (nint k = 0; k < columns; k++, w += TColumns.ColumnBytes)
            y = SixteenOf128.MultiplyAdd(TColumns.Load(w), SixteenOf128.Create(x[k]), y);
        y.Store(sums);
    }
}
