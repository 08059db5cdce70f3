using System.Buffers.Binary;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Verification;

/// <summary>Arithmetic of BPF over sets of numbers: the result holds every number that the operation can give.</summary>
internal static class ScalarArithmetic
{
    /// <summary>a op b, for any operation but move, negate and byte swap: of 64 bits (<paramref name="wide"/>), or of the low halves and zero-extended. Division and remainder may be <paramref name="signed"/>.</summary>
    public static ScalarRange Apply(AluOperation operation, bool wide, bool signed, in ScalarRange a, in ScalarRange b)
    {
        if (a.TryConstant(wide, out var left) && b.TryConstant(wide, out var right))
            return ScalarRange.Constant(wide ? Fold(operation, signed, left, right) : Fold32(operation, signed, (uint)left, (uint)right));
        var result = ScalarRange.Unknown;
        ApplyBits(ref result, operation, wide, a, b);
        if (wide)
            result.Wide = OnInterval(operation, signed, a.Wide, b.Wide, 64);
        // The low half of these results depends on the low halves alone.
        if (!wide || operation is AluOperation.Add or AluOperation.Subtract or AluOperation.Multiply or AluOperation.And or AluOperation.Or or AluOperation.Xor)
            result.Low = OnInterval(operation, signed, a.Low, b.Low, 32);
        if (wide && operation == AluOperation.ShiftLeft && b.IsConstant && b.Value == 32)
        {
            // Half of a sign or zero extension: the low half's bounds move up as they are.
            result.Wide.SetUnsigned((ulong)a.Low.UMin << 32, (ulong)a.Low.UMax << 32);
            result.Wide.SetSigned((long)a.Low.SMin << 32, (long)a.Low.SMax << 32);
        }
        if (!wide)
            result.ZeroExtend32();
        result.Synchronise();
        return result;
    }

    /// <summary>The low 16, 32 or 64 bits swapped, zeros above; to little endian (<paramref name="keepsOrder"/>) only the truncation remains.</summary>
    public static ScalarRange SwapBytes(ScalarRange a, int bits, bool keepsOrder)
    {
        a.Truncate(bits / 8);
        if (keepsOrder)
            return a;
        var result = ScalarRange.Unknown;
        var shift = 64 - bits;
        result.Bits = new KnownBits(BinaryPrimitives.ReverseEndianness(a.Bits.Value) >> shift, BinaryPrimitives.ReverseEndianness(a.Bits.Mask) >> shift);
        result.Synchronise();
        return result;
    }

    private static void ApplyBits(ref ScalarRange result, AluOperation operation, bool wide, in ScalarRange a, in ScalarRange b)
    {
        KnownBits x = wide ? a.Bits : a.Bits.Low32, y = wide ? b.Bits : b.Bits.Low32;
        var isConstantShift = b.TryConstant(wide, out var count);
        var shift = (int)count & (wide ? 63 : 31);
        var bits = operation switch
        {
            AluOperation.Add => x + y,
            AluOperation.Subtract => x - y,
            AluOperation.Multiply => x * y,
            AluOperation.And => x & y,
            AluOperation.Or => x | y,
            AluOperation.Xor => x ^ y,
            AluOperation.ShiftLeft when isConstantShift => x << shift,
            AluOperation.ShiftRight when isConstantShift => x >>> shift,
            AluOperation.ShiftRightSigned when isConstantShift => wide ? x.ArithmeticShiftRight(shift) : x.ArithmeticShiftRight32(shift),
            _ => KnownBits.Unknown,
        };
        result.Bits = wide ? bits : KnownBits.Unknown.WithLow32(bits);
    }

    private static Interval<TU, TS> OnInterval<TU, TS>(AluOperation operation, bool signed, in Interval<TU, TS> a, in Interval<TU, TS> b, int width)
        where TU : unmanaged, System.Numerics.IBinaryInteger<TU>, System.Numerics.IMinMaxValue<TU>, System.Numerics.IUnsignedNumber<TU>
        where TS : unmanaged, System.Numerics.IBinaryInteger<TS>, System.Numerics.IMinMaxValue<TS>, System.Numerics.ISignedNumber<TS>
    {
        var countsAreValid = b.UMax < TU.CreateTruncating(width);
        int least = countsAreValid ? int.CreateTruncating(b.UMin) : 0, most = countsAreValid ? int.CreateTruncating(b.UMax) : 0;
        return operation switch
        {
            AluOperation.Add => Interval<TU, TS>.Add(a, b),
            AluOperation.Subtract => Interval<TU, TS>.Subtract(a, b),
            AluOperation.Multiply => Interval<TU, TS>.Multiply(a, b),
            AluOperation.And => Interval<TU, TS>.OfUnsigned(TU.Zero, TU.Min(a.UMax, b.UMax)),
            AluOperation.Or => Interval<TU, TS>.OfUnsigned(TU.Max(a.UMin, b.UMin), TU.MaxValue),
            AluOperation.Divide when !signed => Interval<TU, TS>.Divide(a, b),
            AluOperation.Modulo when !signed => Interval<TU, TS>.Remainder(a, b),
            AluOperation.Modulo => Interval<TU, TS>.RemainderSigned(a, b),
            AluOperation.ShiftLeft when countsAreValid => Interval<TU, TS>.ShiftLeft(a, least, most),
            AluOperation.ShiftRight when countsAreValid => Interval<TU, TS>.ShiftRight(a, least, most),
            AluOperation.ShiftRightSigned when countsAreValid => Interval<TU, TS>.ArithmeticShiftRight(a, least, most),
            _ => Interval<TU, TS>.Unknown,
        };
    }

    private static ulong Fold(AluOperation operation, bool signed, ulong a, ulong b) => operation switch
    {
        AluOperation.Add => a + b,
        AluOperation.Subtract => a - b,
        AluOperation.Multiply => a * b,
        AluOperation.Divide => b == 0 ? 0 : !signed ? a / b : b == ulong.MaxValue ? 0 - a : (ulong)((long)a / (long)b),
        AluOperation.Modulo => b == 0 ? a : !signed ? a % b : b == ulong.MaxValue ? 0 : (ulong)((long)a % (long)b),
        AluOperation.And => a & b,
        AluOperation.Or => a | b,
        AluOperation.Xor => a ^ b,
        AluOperation.ShiftLeft => a << (int)(b & 63),
        AluOperation.ShiftRight => a >> (int)(b & 63),
        AluOperation.ShiftRightSigned => (ulong)((long)a >> (int)(b & 63)),
        _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, "No operation of two numbers."),
    };

    private static uint Fold32(AluOperation operation, bool signed, uint a, uint b) => operation switch
    {
        AluOperation.Divide => b == 0 ? 0 : !signed ? a / b : b == uint.MaxValue ? 0 - a : (uint)((int)a / (int)b),
        AluOperation.Modulo => b == 0 ? a : !signed ? a % b : b == uint.MaxValue ? 0 : (uint)((int)a % (int)b),
        AluOperation.ShiftLeft => a << (int)(b & 31),
        AluOperation.ShiftRight => a >> (int)(b & 31),
        AluOperation.ShiftRightSigned => (uint)((int)a >> (int)(b & 31)),
        _ => (uint)Fold(operation, signed, a, b),
    };
}
