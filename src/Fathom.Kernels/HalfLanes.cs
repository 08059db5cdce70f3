using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels;

/// <summary>Conversions of eight values between single and half precision without F16C, which .NET does not expose.</summary>
internal static unsafe class HalfLanes
{
    /// <summary>
    /// Power of two that attention puts on queries and on probabilities where it reads lowered halves: a lowered half is
    /// the value times 2^-112, so half of that keeps every product and sum far from both ends of single precision.
    /// </summary>
    public const int LiftExponent = 56;

    /// <summary>2^<see cref="LiftExponent"/>.</summary>
    public const float Lift = 72057594037927936f;

    /// <summary>2^112: a lowered half times this is the half.</summary>
    public const float Raise = 5.192296858534828e33f;

    /// <summary>Of a sign-extended half shifted left by 13: bit 31, five exponent and ten mantissa bits.</summary>
    public const int LoweredMask = unchecked((int)0x8FFFE000);

    /// <summary>Eight finite halves; infinity becomes 65,536 and NaN a number, which no valid model holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load8(short* source) =>
        // SAFETY: the caller gives eight halves. Lowered values times 2^112 are exact, subnormals included.
        Lowered(Vector128.Load(source)) * Vector256.Create(Raise);

    /// <summary>Sixteen finite halves; AVX-512.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load16(short* source)
    {
        var bits = Avx512F.ConvertToVector512Int32(Vector256.Load(source)) << 13;
        return (bits & Vector512.Create(LoweredMask)).AsSingle() * Vector512.Create(Raise);
    }

    /// <summary>The values times 2^-112, exactly: shifting a half's bits into place leaves the exponent bias of a half.</summary>
    /// <remarks>Infinity comes out as 65,536 · 2^-112; KV storage saturates and never holds it.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Lowered(Vector128<short> halves)
    {
        // Sign extension fills bits 28..30 with the sign; the mask takes them out.
        var bits = Avx2.ConvertToVector256Int32(halves) << 13;
        return (bits & Vector256.Create(LoweredMask)).AsSingle();
    }

    /// <summary>Rounds to nearest even; saturates at ±65,504. NaN becomes the largest value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> FromSingle(Vector256<float> x)
    {
        var sign = (x.AsInt32() >>> 16) & Vector256.Create(0x8000);
        // Min keeps its second operand when the first is NaN.
        var magnitude = Avx.Min(Vector256.Abs(x), Vector256.Create(65504.0f));
        // Normal halves: subtract the difference of the biases, add half of the last place less a bit, ties to even.
        var bits = magnitude.AsInt32();
        var odd = (bits >>> 13) & Vector256<int>.One;
        var normal = (bits + Vector256.Create(unchecked((int)0xC8000FFF)) + odd) >>> 13;
        // Below 2^-14: adding 0.5 aligns the last place to 2^-24 and lets the adder round.
        var half = Vector256.Create(0.5f);
        var subnormal = (magnitude + half).AsInt32() - half.AsInt32();
        var isSubnormal = Vector256.LessThan(magnitude, Vector256.Create(6.103515625e-5f)).AsInt32();
        var result = Vector256.ConditionalSelect(isSubnormal, subnormal, normal) | sign;
        return Vector256.Narrow(result.AsUInt32(), result.AsUInt32()).GetLower();
    }
}
