using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Activations;

namespace Fathom.Kernels;

/// <summary>Sixteen singles in one AVX-512 register.</summary>
internal readonly unsafe struct SixteenOf512 : ISixteen<SixteenOf512>
{
    private readonly Vector512<float> _lanes;

    private SixteenOf512(Vector512<float> lanes) => _lanes = lanes;

    public static int RowsMax => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf512 Create(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf512 LoadLowered(short* source) => new(
        ((Avx512F.ConvertToVector512Int32(Vector256.Load(source)) << 13) & Vector512.Create(HalfLanes.LoweredMask)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf512 LoadBytes(sbyte* source) =>
        new(Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load(source))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* target) => _lanes.Store(target);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf512 operator +(SixteenOf512 a, SixteenOf512 b) => new(a._lanes + b._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf512 operator *(SixteenOf512 a, SixteenOf512 b) => new(a._lanes * b._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf512 MultiplyAdd(SixteenOf512 a, SixteenOf512 b, SixteenOf512 c) =>
        new(Vector512.FusedMultiplyAdd(a._lanes, b._lanes, c._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf512 Max(SixteenOf512 a, SixteenOf512 b) => new(Vector512.MaxNative(a._lanes, b._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf512 Round(SixteenOf512 x) => new(Vector512.Round(x._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf512 PowerOfTwo(SixteenOf512 n, int bias) =>
        new(((Vector512.ConvertToInt32Native(n._lanes) + Vector512.Create(bias)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf512 ZeroBelow(SixteenOf512 x, SixteenOf512 floor, SixteenOf512 value) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(x._lanes, floor._lanes), Vector512<float>.Zero, value._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => VectorMath.Sum(_lanes.GetLower() + _lanes.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Largest() => VectorMath.Max(Vector256.MaxNative(_lanes.GetLower(), _lanes.GetUpper()));
}
