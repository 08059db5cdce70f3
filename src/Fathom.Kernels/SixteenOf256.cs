using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Activations;

namespace Fathom.Kernels;

/// <summary>Sixteen singles in two AVX2 registers.</summary>
internal readonly unsafe struct SixteenOf256 : ISixteen<SixteenOf256>
{
    private readonly Vector256<float> _low;
    private readonly Vector256<float> _high;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private SixteenOf256(Vector256<float> low, Vector256<float> high)
    {
        _low = low;
        _high = high;
    }

    public static int RowsMax => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf256 Create(float value)
    {
        var all = Vector256.Create(value);
        return new(all, all);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf256 Load(float* source) => new(Vector256.Load(source), Vector256.Load(source + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf256 LoadLowered(short* source) =>
        new(HalfLanes.Lowered(Vector128.Load(source)), HalfLanes.Lowered(Vector128.Load(source + 8)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf256 LoadBytes(sbyte* source) => new(
        Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(source)),
        Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(source + 8)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target)
    {
        _low.Store(target);
        _high.Store(target + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf256 operator +(SixteenOf256 a, SixteenOf256 b) => new(a._low + b._low, a._high + b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf256 operator *(SixteenOf256 a, SixteenOf256 b) => new(a._low * b._low, a._high * b._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf256 MultiplyAdd(SixteenOf256 a, SixteenOf256 b, SixteenOf256 c) =>
        new(Fma.MultiplyAdd(a._low, b._low, c._low), Fma.MultiplyAdd(a._high, b._high, c._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf256 Max(SixteenOf256 a, SixteenOf256 b) => new(Avx.Max(a._low, b._low), Avx.Max(a._high, b._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf256 Round(SixteenOf256 x) =>
        new(Avx.RoundToNearestInteger(x._low), Avx.RoundToNearestInteger(x._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf256 PowerOfTwo(SixteenOf256 n, int bias) => new(
        ((Avx.ConvertToVector256Int32(n._low) + Vector256.Create(bias)) << 23).AsSingle(),
        ((Avx.ConvertToVector256Int32(n._high) + Vector256.Create(bias)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf256 ZeroBelow(SixteenOf256 x, SixteenOf256 floor, SixteenOf256 value) => new(
        Avx.AndNot(Vector256.LessThan(x._low, floor._low), value._low),
        Avx.AndNot(Vector256.LessThan(x._high, floor._high), value._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => VectorMath.Sum(_low + _high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Largest() => VectorMath.Max(Avx.Max(_low, _high));
}
