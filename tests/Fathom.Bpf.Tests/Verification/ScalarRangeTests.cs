using Fathom.Bpf.Instructions;
using Fathom.Bpf.Verification;

namespace Fathom.Bpf.Tests.Verification;

/// <summary>Ranges hold every number that can come out: tried with numbers drawn from random ranges.</summary>
public class ScalarRangeTests
{
    private static readonly AluOperation[] Operations =
    [
        AluOperation.Add, AluOperation.Subtract, AluOperation.Multiply, AluOperation.Divide, AluOperation.Modulo, AluOperation.And, AluOperation.Or,
        AluOperation.Xor, AluOperation.ShiftLeft, AluOperation.ShiftRight, AluOperation.ShiftRightSigned,
    ];

    private static readonly JumpOperation[] Comparisons =
    [
        JumpOperation.Equal, JumpOperation.NotEqual, JumpOperation.Greater, JumpOperation.GreaterOrEqual, JumpOperation.Less, JumpOperation.LessOrEqual,
        JumpOperation.GreaterSigned, JumpOperation.GreaterOrEqualSigned, JumpOperation.LessSigned, JumpOperation.LessOrEqualSigned, JumpOperation.AnySet,
    ];

    [Fact]
    public void Apply_RandomRanges_HoldsEveryResult()
    {
        var random = new Random(1);
        for (var round = 0; round < 200_000; round++)
        {
            var (a, x) = RandomRange(random);
            var (b, y) = RandomRange(random);
            var operation = Operations[random.Next(Operations.Length)];
            bool wide = random.Next(2) == 0, signed = operation is AluOperation.Divide or AluOperation.Modulo && random.Next(2) == 0;
            var result = ScalarArithmetic.Apply(operation, wide, signed, a, b);
            var value = wide ? Compute(operation, signed, x, y) : Compute32(operation, signed, (uint)x, (uint)y);
            Assert.True(result.Contains(ScalarRange.Constant(value)), $"round {round}: {operation} wide={wide} signed={signed}: {x:x} of ({a}), {y:x} of ({b}) gives {value:x}, not in ({result})");
        }
    }

    [Fact]
    public void Assume_RandomRanges_KeepsEveryPair()
    {
        var random = new Random(2);
        for (var round = 0; round < 200_000; round++)
        {
            var (a, x) = RandomRange(random);
            var (b, y) = RandomRange(random);
            if (random.Next(4) == 0)
                b = ScalarRange.Constant(y);
            var operation = Comparisons[random.Next(Comparisons.Length)];
            var wide = random.Next(2) == 0;
            var holds = Holds(operation, wide, x, y);
            ScalarRange left = a, right = b;
            var possible = Conditions.Assume(operation, holds, wide, ref left, ref right);
            Assert.True(
                possible && left.Contains(ScalarRange.Constant(x)) && right.Contains(ScalarRange.Constant(y)),
                $"round {round}: {operation} wide={wide} holds={holds}: {x:x} of ({a}), {y:x} of ({b}); possible={possible} left ({left}) right ({right})");
        }
    }

    [Fact]
    public void Narrowing_RandomRanges_HoldsEveryResult()
    {
        var random = new Random(3);
        for (var round = 0; round < 100_000; round++)
        {
            var (a, x) = RandomRange(random);
            var bytes = 1 << random.Next(4);
            ScalarRange truncated = a, extended = a;
            truncated.Truncate(bytes);
            extended.SignExtend(bytes);
            var shift = 64 - (bytes * 8);
            Assert.True(truncated.Contains(ScalarRange.Constant(x << shift >> shift)), $"round {round}: {x:x} of ({a}) to {bytes} bytes: ({truncated})");
            Assert.True(extended.Contains(ScalarRange.Constant((ulong)((long)(x << shift) >> shift))), $"round {round}: {x:x} of ({a}) signed from {bytes} bytes: ({extended})");
            foreach (var bits in new[] { 16, 32, 64 })
            {
                var swapped = ScalarArithmetic.SwapBytes(a, bits, keepsOrder: false);
                var value = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(x << (64 - bits));
                Assert.True(swapped.Contains(ScalarRange.Constant(value)), $"round {round}: be{bits} of {x:x}");
            }
        }
    }

    /// <summary>A range and a number of it.</summary>
    private static (ScalarRange Range, ulong Member) RandomRange(Random random)
    {
        var x = RandomNumber(random);
        var y = RandomNumber(random);
        var range = ScalarRange.Unknown;
        switch (random.Next(6))
        {
            case 0:
                return (ScalarRange.Constant(x), x);
            case 1:
                range.Wide.SetUnsigned(Math.Min(x, y), Math.Max(x, y));
                break;
            case 2:
                range.Wide.SetSigned(Math.Min((long)x, (long)y), Math.Max((long)x, (long)y));
                break;
            case 3:
                range.Low.SetUnsigned(Math.Min((uint)x, (uint)y), Math.Max((uint)x, (uint)y));
                break;
            case 4:
                range.Low.SetSigned(Math.Min((int)x, (int)y), Math.Max((int)x, (int)y));
                break;
            default:
                var mask = RandomNumber(random);
                range.Bits = new KnownBits(x & ~mask, mask);
                break;
        }
        // A second fact about the same number, so that the parts learn from each other.
        if (random.Next(2) == 0)
            range.Wide.NarrowUnsigned(x - Math.Min(x, (ulong)random.Next(1000)), x + Math.Min(ulong.MaxValue - x, (ulong)random.Next(1000)));
        Assert.True(range.Synchronise(), $"({range}) holds {x:x} and is called empty");
        Assert.True(range.Contains(ScalarRange.Constant(x)), $"({range}) lost {x:x}");
        return (range, x);
    }

    private static ulong RandomNumber(Random random)
    {
        var number = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
        return random.Next(6) switch
        {
            0 => number,
            1 => number >> random.Next(64),
            2 => (ulong)((long)number >> random.Next(64)),
            3 => (ulong)random.Next(-70, 70),
            4 => (1UL << random.Next(64)) + (ulong)random.Next(-2, 3),
            _ => (ulong)int.MaxValue + (ulong)random.Next(-3, 3),
        };
    }

    private static bool Holds(JumpOperation operation, bool wide, ulong x, ulong y)
    {
        if (!wide)
            (x, y) = ((ulong)(int)x, (ulong)(int)y);
        ulong ux = wide ? x : (uint)x, uy = wide ? y : (uint)y;
        return operation switch
        {
            JumpOperation.Equal => ux == uy,
            JumpOperation.NotEqual => ux != uy,
            JumpOperation.Greater => ux > uy,
            JumpOperation.GreaterOrEqual => ux >= uy,
            JumpOperation.Less => ux < uy,
            JumpOperation.LessOrEqual => ux <= uy,
            JumpOperation.GreaterSigned => (long)x > (long)y,
            JumpOperation.GreaterOrEqualSigned => (long)x >= (long)y,
            JumpOperation.LessSigned => (long)x < (long)y,
            JumpOperation.LessOrEqualSigned => (long)x <= (long)y,
            _ => (ux & uy) != 0,
        };
    }

    private static ulong Compute(AluOperation operation, bool signed, ulong x, ulong y) => operation switch
    {
        AluOperation.Add => x + y,
        AluOperation.Subtract => x - y,
        AluOperation.Multiply => x * y,
        AluOperation.Divide when y == 0 => 0,
        AluOperation.Divide => !signed ? x / y : (long)y == -1 ? 0 - x : (ulong)((long)x / (long)y),
        AluOperation.Modulo when y == 0 => x,
        AluOperation.Modulo => !signed ? x % y : (long)y == -1 ? 0 : (ulong)((long)x % (long)y),
        AluOperation.And => x & y,
        AluOperation.Or => x | y,
        AluOperation.Xor => x ^ y,
        AluOperation.ShiftLeft => x << (int)(y & 63),
        AluOperation.ShiftRight => x >> (int)(y & 63),
        _ => (ulong)((long)x >> (int)(y & 63)),
    };

    private static ulong Compute32(AluOperation operation, bool signed, uint x, uint y) => operation switch
    {
        AluOperation.Divide when signed && y != 0 => (int)y == -1 ? 0 - x : (uint)((int)x / (int)y),
        AluOperation.Modulo when signed && y != 0 => (int)y == -1 ? 0 : (uint)((int)x % (int)y),
        AluOperation.ShiftLeft => x << (int)(y & 31),
        AluOperation.ShiftRight => x >> (int)(y & 31),
        AluOperation.ShiftRightSigned => (uint)((int)x >> (int)(y & 31)),
        _ => (uint)Compute(operation, signed: false, x, y),
    };
}
