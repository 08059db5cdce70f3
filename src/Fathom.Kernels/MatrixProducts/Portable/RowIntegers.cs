using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Fathom.Kernels.MatrixProducts.Portable;

/// <summary>An int32 for each of a panel's 16 rows, four rows a vector, in operations that every processor's compiler knows.</summary>
internal unsafe struct RowIntegers
{
    private Vector128<int> _a;
    private Vector128<int> _b;
    private Vector128<int> _c;
    private Vector128<int> _d;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RowIntegers(int value) => _a = _b = _c = _d = Vector128.Create(value);

    /// <summary>Four of a token's values in every lane of four bytes.</summary>
    /// <param name="values">int8 [fours, 4 tokens, 4].</param>
    /// <param name="four">Which four columns.</param>
    /// <param name="slot">Which token of the tile.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Four(sbyte* values, int four, int slot) =>
        Vector128.Create(((int*)values)[four * Activations.TileTokens + slot]).AsSByte();

    /// <summary>Adds four columns' products: int8 [16 rows, 4] of weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProducts(sbyte* w, Vector128<sbyte> four)
    {
        _a = Dot(_a, Vector128.Load(w), four);
        _b = Dot(_b, Vector128.Load(w + 16), four);
        _c = Dot(_c, Vector128.Load(w + 32), four);
        _d = Dot(_d, Vector128.Load(w + 48), four);
    }

    /// <summary>Adds eight columns' products: bytes [16 rows, 4] with the first four columns in their low nibbles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddNibbles(byte* w, Vector128<sbyte> low, Vector128<sbyte> high)
    {
        _a = DotNibbles(_a, w, low, high);
        _b = DotNibbles(_b, w + 16, low, high);
        _c = DotNibbles(_c, w + 32, low, high);
        _d = DotNibbles(_d, w + 48, low, high);
    }

    /// <summary>Adds 16 columns' products: codes of six bits, as <see cref="Q6KPanels"/> packs a sub-block.</summary>
    /// <param name="nibbles">[2 eights, 16 rows, 4].</param>
    /// <param name="high">Upper two bits [16 rows, 4].</param>
    /// <param name="values">The token's values at the sub-block's first column: int8 [4 fours, 4 tokens, 4].</param>
    /// <param name="slot">Which token of the tile.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddSixBits(byte* nibbles, byte* high, sbyte* values, int slot)
    {
        Vector128<sbyte> x0 = Four(values, 0, slot), x1 = Four(values, 1, slot), x2 = Four(values, 2, slot), x3 = Four(values, 3, slot);
        _a = DotSixBits(_a, nibbles, high, x0, x1, x2, x3);
        _b = DotSixBits(_b, nibbles + 16, high + 16, x0, x1, x2, x3);
        _c = DotSixBits(_c, nibbles + 32, high + 32, x0, x1, x2, x3);
        _d = DotSixBits(_d, nibbles + 48, high + 48, x0, x1, x2, x3);
    }

    /// <summary>Adds the products of one's rows with factors [16 rows, 2] of 8 bits, the first or the second of each row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddScaled(in RowIntegers products, sbyte* factors, int which)
    {
        Factors(Vector128.Load(factors), which, out var first, out var second);
        _a += products._a * first;
        _b += products._b * second;
        Factors(Vector128.Load(factors + 16), which, out first, out second);
        _c += products._c * first;
        _d += products._d * second;
    }

    /// <summary>Adds a number times factors [16 rows, 2] of 8 bits, the first or the second of each row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddScaled(int number, sbyte* factors, int which) => AddScaled(new RowIntegers(number), factors, which);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly SixteenOf128 ToSingles() => SixteenOf128.FromIntegers(_a, _b, _c, _d);

    /// <summary>sums[i] + the four products of bytes in lane i. Weights of -128 and values of -128 do not meet: values are -127 to 127.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Dot(Vector128<int> sums, Vector128<sbyte> w, Vector128<sbyte> x)
    {
        if (Dp.IsSupported)
            return Dp.DotProduct(sums, w, x);
        var low = Pairs(Vector128.WidenLower(w) * Vector128.WidenLower(x));
        var high = Pairs(Vector128.WidenUpper(w) * Vector128.WidenUpper(x));
        // Sums of neighbours: lanes 0 and 2 of the first vector, then of the second.
        low += Vector128.Shuffle(low, Vector128.Create(1, 0, 3, 2));
        high += Vector128.Shuffle(high, Vector128.Create(1, 0, 3, 2));
        low = Vector128.Shuffle(low, Vector128.Create(0, 2, 0, 2));
        high = Vector128.Shuffle(high, Vector128.Create(0, 2, 0, 2));
        return sums + Vector128.Create(low.GetLower(), high.GetUpper());
    }

    /// <summary>Sums of two neighbouring words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Pairs(Vector128<short> products) =>
        (products.AsInt32() << 16 >> 16) + (products.AsInt32() >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> DotNibbles(Vector128<int> sums, byte* w, Vector128<sbyte> low, Vector128<sbyte> high)
    {
        var bytes = Vector128.Load(w);
        sums = Dot(sums, (bytes & Vector128.Create((byte)15)).AsSByte(), low);
        return Dot(sums, (bytes >>> 4).AsSByte(), high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> DotSixBits(
        Vector128<int> sums, byte* nibbles, byte* high, Vector128<sbyte> x0, Vector128<sbyte> x1, Vector128<sbyte> x2, Vector128<sbyte> x3)
    {
        var lowBits = Vector128.Create((byte)15);
        var highBits = Vector128.Create((byte)48);
        var first = Vector128.Load(nibbles);
        var second = Vector128.Load(nibbles + 64);
        var upper = Vector128.Load(high);
        sums = Dot(sums, (first & lowBits | upper << 4 & highBits).AsSByte(), x0);
        sums = Dot(sums, (first >>> 4 | upper << 2 & highBits).AsSByte(), x1);
        sums = Dot(sums, (second & lowBits | upper & highBits).AsSByte(), x2);
        return Dot(sums, (second >>> 4 | upper >>> 2 & highBits).AsSByte(), x3);
    }

    /// <summary>Bytes of eight rows, two a row: the first or second as int32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Factors(Vector128<sbyte> pairs, int which, out Vector128<int> first, out Vector128<int> second)
    {
        // A row's two bytes are a word; shifting brings the wanted one to the top, then down with its sign.
        var words = pairs.AsInt16() << 8 * (1 - which) >> 8;
        first = Vector128.WidenLower(words);
        second = Vector128.WidenUpper(words);
    }
}
