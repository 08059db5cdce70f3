using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Fathom.Kernels.Activations;

namespace Fathom.Kernels;

/// <summary>Sixteen singles in four registers of 128 bits, in operations that every processor's compiler knows: AdvSimd on Arm64.</summary>
internal readonly unsafe struct SixteenOf128 : ISixteen<SixteenOf128>
{
    // Lanes 0..3, 4..7, 8..11, 12..15.
    private readonly Vector128<float> _a;
    private readonly Vector128<float> _b;
    private readonly Vector128<float> _c;
    private readonly Vector128<float> _d;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private SixteenOf128(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d)
    {
        _a = a;
        _b = b;
        _c = c;
        _d = d;
    }

    public static int RowsMax => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 Create(float value)
    {
        var all = Vector128.Create(value);
        return new(all, all, all, all);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 Load(float* source) =>
        new(Vector128.Load(source), Vector128.Load(source + 4), Vector128.Load(source + 8), Vector128.Load(source + 12));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 LoadLowered(short* source)
    {
        var low = Vector128.Load(source);
        var high = Vector128.Load(source + 8);
        return new(
            Lowered(Vector128.WidenLower(low)), Lowered(Vector128.WidenUpper(low)),
            Lowered(Vector128.WidenLower(high)), Lowered(Vector128.WidenUpper(high)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 LoadBytes(sbyte* source)
    {
        var bytes = Vector128.Load(source);
        var low = Vector128.WidenLower(bytes);
        var high = Vector128.WidenUpper(bytes);
        return new(
            Vector128.ConvertToSingle(Vector128.WidenLower(low)), Vector128.ConvertToSingle(Vector128.WidenUpper(low)),
            Vector128.ConvertToSingle(Vector128.WidenLower(high)), Vector128.ConvertToSingle(Vector128.WidenUpper(high)));
    }

    /// <summary>Halves as their values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 LoadHalves(short* source) => LoadLowered(source) * Create(HalfLanes.Raise);

    /// <summary>BF16 values: the upper halves of singles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 LoadBrain(short* source)
    {
        var low = Vector128.Load(source);
        var high = Vector128.Load(source + 8);
        return new(
            (Vector128.WidenLower(low) << 16).AsSingle(), (Vector128.WidenUpper(low) << 16).AsSingle(),
            (Vector128.WidenLower(high) << 16).AsSingle(), (Vector128.WidenUpper(high) << 16).AsSingle());
    }

    /// <summary>Integers as singles, lanes 0..3, 4..7, 8..11, 12..15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 FromIntegers(Vector128<int> a, Vector128<int> b, Vector128<int> c, Vector128<int> d) => new(
        Vector128.ConvertToSingle(a), Vector128.ConvertToSingle(b), Vector128.ConvertToSingle(c), Vector128.ConvertToSingle(d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target)
    {
        _a.Store(target);
        _b.Store(target + 4);
        _c.Store(target + 8);
        _d.Store(target + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 operator +(SixteenOf128 x, SixteenOf128 y) => new(x._a + y._a, x._b + y._b, x._c + y._c, x._d + y._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 operator *(SixteenOf128 x, SixteenOf128 y) => new(x._a * y._a, x._b * y._b, x._c * y._c, x._d * y._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 MultiplyAdd(SixteenOf128 x, SixteenOf128 y, SixteenOf128 z) => new(
        Vector128.FusedMultiplyAdd(x._a, y._a, z._a), Vector128.FusedMultiplyAdd(x._b, y._b, z._b),
        Vector128.FusedMultiplyAdd(x._c, y._c, z._c), Vector128.FusedMultiplyAdd(x._d, y._d, z._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 Max(SixteenOf128 x, SixteenOf128 y) => new(
        Vector128.MaxNative(x._a, y._a), Vector128.MaxNative(x._b, y._b), Vector128.MaxNative(x._c, y._c), Vector128.MaxNative(x._d, y._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 Round(SixteenOf128 x) =>
        new(Vector128.Round(x._a), Vector128.Round(x._b), Vector128.Round(x._c), Vector128.Round(x._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 PowerOfTwo(SixteenOf128 n, int bias) =>
        new(PowerOfTwo(n._a, bias), PowerOfTwo(n._b, bias), PowerOfTwo(n._c, bias), PowerOfTwo(n._d, bias));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 ZeroBelow(SixteenOf128 x, SixteenOf128 floor, SixteenOf128 value) => new(
        ZeroBelow(x._a, floor._a, value._a), ZeroBelow(x._b, floor._b, value._b),
        ZeroBelow(x._c, floor._c, value._c), ZeroBelow(x._d, floor._d, value._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => VectorMath.Sum((_a + _c) + (_b + _d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Largest() => VectorMath.Max(Vector128.MaxNative(Vector128.MaxNative(_a, _c), Vector128.MaxNative(_b, _d)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Lowered(Vector128<int> halves) => ((halves << 13) & Vector128.Create(HalfLanes.LoweredMask)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> PowerOfTwo(Vector128<float> n, int bias) =>
        ((Vector128.ConvertToInt32Native(n) + Vector128.Create(bias)) << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZeroBelow(Vector128<float> x, Vector128<float> floor, Vector128<float> value) =>
        Vector128.ConditionalSelect(Vector128.LessThan(x, floor), Vector128<float>.Zero, value);
}
