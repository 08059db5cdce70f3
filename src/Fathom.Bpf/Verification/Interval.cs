using System.Numerics;

namespace Fathom.Bpf.Verification;

/// <summary>Bounds of one machine word read as unsigned and as signed number at once; both hold.</summary>
/// <typeparam name="TU">The unsigned word: ulong or uint.</typeparam>
/// <typeparam name="TS">The signed word of the same width.</typeparam>
internal struct Interval<TU, TS>
    where TU : unmanaged, IBinaryInteger<TU>, IMinMaxValue<TU>, IUnsignedNumber<TU>
    where TS : unmanaged, IBinaryInteger<TS>, IMinMaxValue<TS>, ISignedNumber<TS>
{
    public TU UMin, UMax;
    public TS SMin, SMax;

    public static Interval<TU, TS> Unknown => new() { UMin = TU.MinValue, UMax = TU.MaxValue, SMin = TS.MinValue, SMax = TS.MaxValue };

    public readonly bool IsEmpty => UMin > UMax || SMin > SMax;

    public readonly bool IsConstant => UMin == UMax;

    public static Interval<TU, TS> Constant(TU value) => new() { UMin = value, UMax = value, SMin = S(value), SMax = S(value) };

    public static Interval<TU, TS> OfUnsigned(TU min, TU max)
    {
        var result = Unknown;
        result.SetUnsigned(min, max);
        return result;
    }

    public static Interval<TU, TS> OfSigned(TS min, TS max)
    {
        var result = Unknown;
        result.SetSigned(min, max);
        return result;
    }

    public void SetUnsigned(TU min, TU max) => (UMin, UMax) = (min, max);

    public void SetSigned(TS min, TS max) => (SMin, SMax) = (min, max);

    public void NarrowUnsigned(TU min, TU max)
    {
        UMin = TU.Max(UMin, min);
        UMax = TU.Min(UMax, max);
    }

    public void NarrowSigned(TS min, TS max)
    {
        SMin = TS.Max(SMin, min);
        SMax = TS.Min(SMax, max);
    }

    /// <summary>Carries what the unsigned bounds say to the signed ones, and back.</summary>
    public void Deduce()
    {
        if (S(UMin) <= S(UMax))
            NarrowSigned(S(UMin), S(UMax));
        if (U(SMin) <= U(SMax))
        {
            NarrowUnsigned(U(SMin), U(SMax));
        }
        else if (UMax < U(SMin))
        {
            // The signed range wraps through zero as [0, SMax] and [SMin, -1]; the unsigned one meets only the first part.
            SMin = TS.Max(SMin, S(UMin));
            UMax = TU.Min(UMax, U(SMax));
        }
        else if (U(SMax) < UMin)
        {
            SMax = TS.Min(SMax, S(UMax));
            UMin = TU.Max(UMin, U(SMin));
        }
    }

    public readonly bool SameAs(in Interval<TU, TS> other) => UMin == other.UMin && UMax == other.UMax && SMin == other.SMin && SMax == other.SMax;

    /// <summary>Every value of <paramref name="other"/> lies within these bounds.</summary>
    public readonly bool Contains(in Interval<TU, TS> other) =>
        UMin <= other.UMin && UMax >= other.UMax && SMin <= other.SMin && SMax >= other.SMax;

    public static Interval<TU, TS> Add(in Interval<TU, TS> a, in Interval<TU, TS> b)
    {
        var result = Unknown;
        // Bounds survive when both ends wrap, or neither does.
        TU min = a.UMin + b.UMin, max = a.UMax + b.UMax;
        if (min < a.UMin == max < a.UMax)
            result.SetUnsigned(min, max);
        TS low = a.SMin + b.SMin, high = a.SMax + b.SMax;
        var lowWrap = WrapOfSum(a.SMin, b.SMin, low);
        if (lowWrap == WrapOfSum(a.SMax, b.SMax, high))
            result.SetSigned(low, high);
        return result;
    }

    public static Interval<TU, TS> Subtract(in Interval<TU, TS> a, in Interval<TU, TS> b)
    {
        var result = Unknown;
        TU min = a.UMin - b.UMax, max = a.UMax - b.UMin;
        if (a.UMin < b.UMax == a.UMax < b.UMin)
            result.SetUnsigned(min, max);
        TS low = a.SMin - b.SMax, high = a.SMax - b.SMin;
        if (WrapOfDifference(a.SMin, b.SMax, low) == WrapOfDifference(a.SMax, b.SMin, high))
            result.SetSigned(low, high);
        return result;
    }

    public static Interval<TU, TS> Multiply(in Interval<TU, TS> a, in Interval<TU, TS> b)
    {
        var result = Unknown;
        var max = UInt128.CreateTruncating(a.UMax) * UInt128.CreateTruncating(b.UMax);
        if (max <= UInt128.CreateTruncating(TU.MaxValue))
            result.SetUnsigned(a.UMin * b.UMin, a.UMax * b.UMax);
        Int128 p0 = Int128.CreateTruncating(a.SMin) * Int128.CreateTruncating(b.SMin), p1 = Int128.CreateTruncating(a.SMin) * Int128.CreateTruncating(b.SMax);
        Int128 p2 = Int128.CreateTruncating(a.SMax) * Int128.CreateTruncating(b.SMin), p3 = Int128.CreateTruncating(a.SMax) * Int128.CreateTruncating(b.SMax);
        Int128 low = Int128.Min(Int128.Min(p0, p1), Int128.Min(p2, p3)), high = Int128.Max(Int128.Max(p0, p1), Int128.Max(p2, p3));
        if (low >= Int128.CreateTruncating(TS.MinValue) && high <= Int128.CreateTruncating(TS.MaxValue))
            result.SetSigned(TS.CreateTruncating(low), TS.CreateTruncating(high));
        return result;
    }

    public static Interval<TU, TS> ShiftLeft(in Interval<TU, TS> a, int shiftMin, int shiftMax)
    {
        var result = Unknown;
        if (a.UMax << shiftMax >>> shiftMax == a.UMax)
            result.SetUnsigned(a.UMin << shiftMin, a.UMax << shiftMax);
        if (shiftMin == shiftMax && a.SMin << shiftMin >> shiftMin == a.SMin && a.SMax << shiftMin >> shiftMin == a.SMax)
            result.SetSigned(a.SMin << shiftMin, a.SMax << shiftMin);
        return result;
    }

    public static Interval<TU, TS> ShiftRight(in Interval<TU, TS> a, int shiftMin, int shiftMax) =>
        OfUnsigned(a.UMin >>> shiftMax, a.UMax >>> shiftMin);

    public static Interval<TU, TS> ArithmeticShiftRight(in Interval<TU, TS> a, int shiftMin, int shiftMax) =>
        OfSigned(TS.Min(a.SMin >> shiftMin, a.SMin >> shiftMax), TS.Max(a.SMax >> shiftMin, a.SMax >> shiftMax));

    public static Interval<TU, TS> Divide(in Interval<TU, TS> a, in Interval<TU, TS> b) =>
        // x / 0 is 0 in BPF.
        b.UMin == TU.Zero ? OfUnsigned(TU.Zero, a.UMax) : OfUnsigned(a.UMin / b.UMax, a.UMax / b.UMin);

    public static Interval<TU, TS> Remainder(in Interval<TU, TS> a, in Interval<TU, TS> b)
    {
        // x % 0 is x in BPF.
        if (b.UMin == TU.Zero)
            return OfUnsigned(TU.Zero, a.UMax);
        return a.UMax < b.UMin ? a : OfUnsigned(TU.Zero, TU.Min(a.UMax, b.UMax - TU.One));
    }

    /// <summary>The remainder has the dividend's sign and lies no further from zero; below a positive divisor's largest value.</summary>
    public static Interval<TU, TS> RemainderSigned(in Interval<TU, TS> a, in Interval<TU, TS> b)
    {
        TS low = TS.Min(a.SMin, TS.Zero), high = TS.Max(a.SMax, TS.Zero);
        if (b.SMin > TS.Zero)
        {
            low = TS.Max(low, TS.One - b.SMax);
            high = TS.Min(high, b.SMax - TS.One);
        }
        return OfSigned(low, high);
    }

    /// <summary>Narrows both by "left &lt; right" (or "&lt;="), unsigned. An empty interval is left behind when that cannot be.</summary>
    public static void AssumeLess(ref Interval<TU, TS> left, ref Interval<TU, TS> right, bool orEqual)
    {
        if (!orEqual && (right.UMax == TU.MinValue || left.UMin == TU.MaxValue))
        {
            left.MakeEmpty();
            return;
        }
        var step = orEqual ? TU.Zero : TU.One;
        left.UMax = TU.Min(left.UMax, right.UMax - step);
        right.UMin = TU.Max(right.UMin, left.UMin + step);
    }

    /// <summary>Narrows both by "left &lt; right" (or "&lt;="), signed.</summary>
    public static void AssumeLessSigned(ref Interval<TU, TS> left, ref Interval<TU, TS> right, bool orEqual)
    {
        if (!orEqual && (right.SMax == TS.MinValue || left.SMin == TS.MaxValue))
        {
            left.MakeEmpty();
            return;
        }
        var step = orEqual ? TS.Zero : TS.One;
        left.SMax = TS.Min(left.SMax, right.SMax - step);
        right.SMin = TS.Max(right.SMin, left.SMin + step);
    }

    /// <summary>Narrows both to what they have in common.</summary>
    public static void AssumeEqual(ref Interval<TU, TS> left, ref Interval<TU, TS> right)
    {
        left.NarrowUnsigned(right.UMin, right.UMax);
        left.NarrowSigned(right.SMin, right.SMax);
        right = left;
    }

    /// <summary>Takes a constant off the other's ends.</summary>
    public static void AssumeNotEqual(ref Interval<TU, TS> left, ref Interval<TU, TS> right)
    {
        if (right.IsConstant)
            left.Exclude(right.UMin);
        else if (left.IsConstant)
            right.Exclude(left.UMin);
    }

    private void Exclude(TU value)
    {
        if (IsConstant && UMin == value)
        {
            MakeEmpty();
            return;
        }
        if (UMin == value)
            UMin++;
        if (UMax == value)
            UMax--;
        var signed = S(value);
        if (SMin == signed && SMin < SMax)
            SMin++;
        if (SMax == signed && SMin < SMax)
            SMax--;
    }

    private void MakeEmpty() => (UMin, UMax) = (TU.MaxValue, TU.MinValue);

    private static int WrapOfSum(TS a, TS b, TS sum) => TS.IsNegative((a ^ sum) & (b ^ sum)) ? TS.IsNegative(a) ? -1 : 1 : 0;

    private static int WrapOfDifference(TS a, TS b, TS difference) =>
        TS.IsNegative((a ^ b) & (a ^ difference)) ? TS.IsNegative(a) ? -1 : 1 : 0;

    private static TS S(TU value) => TS.CreateTruncating(value);

    private static TU U(TS value) => TU.CreateTruncating(value);
}
