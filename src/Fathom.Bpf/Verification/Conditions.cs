using System.Numerics;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>What a comparison says about the numbers it compares.</summary>
internal static class Conditions
{
    /// <summary>Narrows both sides to the numbers for which the comparison holds, or does not hold.</summary>
    /// <returns>False when there are none: the ranges decide the comparison.</returns>
    public static bool Assume(JumpOperation operation, bool holds, bool wide, ref ScalarRange left, ref ScalarRange right)
    {
        if (!holds)
            operation = Negated(operation);
        var isPossible = operation is AnySet or NoneSet
            ? AssumeBits(operation == AnySet, wide, ref left, right)
            : AssumeOrder(operation, wide, ref left, ref right);
        return isPossible && left.Synchronise() && right.Synchronise();
    }

    private const JumpOperation AnySet = JumpOperation.AnySet;

    /// <summary>No opcode: the opposite of <see cref="JumpOperation.AnySet"/>.</summary>
    private const JumpOperation NoneSet = (JumpOperation)0xff;

    private static JumpOperation Negated(JumpOperation operation) => operation switch
    {
        JumpOperation.Equal => JumpOperation.NotEqual,
        JumpOperation.NotEqual => JumpOperation.Equal,
        JumpOperation.Greater => JumpOperation.LessOrEqual,
        JumpOperation.GreaterOrEqual => JumpOperation.Less,
        JumpOperation.Less => JumpOperation.GreaterOrEqual,
        JumpOperation.LessOrEqual => JumpOperation.Greater,
        JumpOperation.GreaterSigned => JumpOperation.LessOrEqualSigned,
        JumpOperation.GreaterOrEqualSigned => JumpOperation.LessSigned,
        JumpOperation.LessSigned => JumpOperation.GreaterOrEqualSigned,
        JumpOperation.LessOrEqualSigned => JumpOperation.GreaterSigned,
        _ => NoneSet,
    };

    private static bool AssumeOrder(JumpOperation operation, bool wide, ref ScalarRange left, ref ScalarRange right)
    {
        if (operation is JumpOperation.Equal or JumpOperation.NotEqual && !AssumeEqualBits(operation == JumpOperation.Equal, wide, ref left, ref right))
            return false;
        if (wide)
            AssumeOrder(operation, ref left.Wide, ref right.Wide);
        else
            AssumeOrder(operation, ref left.Low, ref right.Low);
        if (wide && operation == JumpOperation.Equal)
            AssumeOrder(operation, ref left.Low, ref right.Low);
        return !left.Wide.IsEmpty && !left.Low.IsEmpty && !right.Wide.IsEmpty && !right.Low.IsEmpty;
    }

    private static void AssumeOrder<TU, TS>(JumpOperation operation, ref Interval<TU, TS> left, ref Interval<TU, TS> right)
        where TU : unmanaged, IBinaryInteger<TU>, IMinMaxValue<TU>, IUnsignedNumber<TU>
        where TS : unmanaged, IBinaryInteger<TS>, IMinMaxValue<TS>, ISignedNumber<TS>
    {
        switch (operation)
        {
            case JumpOperation.Equal:
                Interval<TU, TS>.AssumeEqual(ref left, ref right);
                break;
            case JumpOperation.NotEqual:
                Interval<TU, TS>.AssumeNotEqual(ref left, ref right);
                break;
            case JumpOperation.Less or JumpOperation.LessOrEqual:
                Interval<TU, TS>.AssumeLess(ref left, ref right, operation == JumpOperation.LessOrEqual);
                break;
            case JumpOperation.Greater or JumpOperation.GreaterOrEqual:
                Interval<TU, TS>.AssumeLess(ref right, ref left, operation == JumpOperation.GreaterOrEqual);
                break;
            case JumpOperation.LessSigned or JumpOperation.LessOrEqualSigned:
                Interval<TU, TS>.AssumeLessSigned(ref left, ref right, operation == JumpOperation.LessOrEqualSigned);
                break;
            case JumpOperation.GreaterSigned or JumpOperation.GreaterOrEqualSigned:
                Interval<TU, TS>.AssumeLessSigned(ref right, ref left, operation == JumpOperation.GreaterOrEqualSigned);
                break;
        }
    }

    private static bool AssumeEqualBits(bool equal, bool wide, ref ScalarRange left, ref ScalarRange right)
    {
        KnownBits a = wide ? left.Bits : left.Bits.Low32, b = wide ? right.Bits : right.Bits.Low32;
        var canBeEqual = KnownBits.TryIntersect(a, b, out var common);
        if (!equal)
            return !(canBeEqual && a.IsConstant && b.IsConstant);
        if (!canBeEqual)
            return false;
        left.Bits = wide ? common : left.Bits.WithLow32(common);
        right.Bits = wide ? common : right.Bits.WithLow32(common);
        return true;
    }

    private static bool AssumeBits(bool anySet, bool wide, ref ScalarRange left, in ScalarRange right)
    {
        KnownBits a = wide ? left.Bits : left.Bits.Low32, b = wide ? right.Bits : right.Bits.Low32;
        if (!anySet)
        {
            // Bits that the right side surely has are zero on the left.
            if ((a.Value & b.Value) != 0)
                return false;
            var cleared = new KnownBits(a.Value, a.Mask & ~b.Value);
            left.Bits = wide ? cleared : left.Bits.WithLow32(cleared);
            return true;
        }
        var candidates = (a.Value | a.Mask) & (b.Value | b.Mask);
        if (candidates == 0)
            return false;
        if (b.IsConstant && BitOperations.IsPow2(candidates))
        {
            var set = new KnownBits(a.Value | candidates, a.Mask & ~candidates);
            left.Bits = wide ? set : left.Bits.WithLow32(set);
        }
        return true;
    }
}
