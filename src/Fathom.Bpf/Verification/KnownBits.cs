using System.Numerics;

namespace Fathom.Bpf.Verification;

/// <summary>A set of 64-bit values given by the bits all of them share: a bit set in <c>Mask</c> is unknown, otherwise it is that of <c>Value</c>.</summary>
/// <remarks>Value and Mask have no bit in common. Source: Vishwanathan et al., "Sound, Precise, and Fast Abstract Interpretation with
/// Tristate Numbers", CGO 2022.</remarks>
internal readonly record struct KnownBits(ulong Value, ulong Mask)
{
    public static readonly KnownBits Unknown = new(0, ulong.MaxValue);

    public bool IsConstant => Mask == 0;

    public static KnownBits Constant(ulong value) => new(value, 0);

    /// <summary>The smallest set that holds all of [min, max].</summary>
    public static KnownBits OfRange(ulong min, ulong max)
    {
        var differing = 64 - BitOperations.LeadingZeroCount(min ^ max);
        if (differing > 63)
            return Unknown;
        var mask = (1UL << differing) - 1;
        return new KnownBits(min & ~mask, mask);
    }

    /// <summary>The low 32 bits, the high ones zero.</summary>
    public KnownBits Low32 => new((uint)Value, (uint)Mask);

    public KnownBits WithLow32(KnownBits low) => new((Value & ~0xFFFF_FFFFUL) | (uint)low.Value, (Mask & ~0xFFFF_FFFFUL) | (uint)low.Mask);

    public KnownBits Truncate(int sizeBytes) =>
        sizeBytes >= 8 ? this : new(Value & ((1UL << (sizeBytes * 8)) - 1), Mask & ((1UL << (sizeBytes * 8)) - 1));

    public static KnownBits operator +(KnownBits a, KnownBits b)
    {
        var masks = a.Mask + b.Mask;
        var values = a.Value + b.Value;
        var unknown = ((masks + values) ^ values) | a.Mask | b.Mask;
        return new KnownBits(values & ~unknown, unknown);
    }

    public static KnownBits operator -(KnownBits a, KnownBits b)
    {
        var difference = a.Value - b.Value;
        var unknown = ((difference + a.Mask) ^ (difference - b.Mask)) | a.Mask | b.Mask;
        return new KnownBits(difference & ~unknown, unknown);
    }

    public static KnownBits operator &(KnownBits a, KnownBits b)
    {
        var ones = a.Value & b.Value;
        return new KnownBits(ones, (a.Value | a.Mask) & (b.Value | b.Mask) & ~ones);
    }

    public static KnownBits operator |(KnownBits a, KnownBits b)
    {
        var ones = a.Value | b.Value;
        return new KnownBits(ones, (a.Mask | b.Mask) & ~ones);
    }

    public static KnownBits operator ^(KnownBits a, KnownBits b)
    {
        var unknown = a.Mask | b.Mask;
        return new KnownBits((a.Value ^ b.Value) & ~unknown, unknown);
    }

    public static KnownBits operator *(KnownBits a, KnownBits b)
    {
        var product = a.Value * b.Value;
        var doubt = new KnownBits(0, 0);
        while ((a.Value | a.Mask) != 0)
        {
            if ((a.Value & 1) != 0)
                doubt += new KnownBits(0, b.Mask);
            else if ((a.Mask & 1) != 0)
                doubt += new KnownBits(0, b.Value | b.Mask);
            a >>>= 1;
            b <<= 1;
        }
        return Constant(product) + doubt;
    }

    public static KnownBits operator <<(KnownBits a, int shift) => new(a.Value << shift, a.Mask << shift);

    public static KnownBits operator >>>(KnownBits a, int shift) => new(a.Value >>> shift, a.Mask >>> shift);

    /// <summary>Arithmetic shift of 64 bits: an unknown sign makes the bits that it fills unknown.</summary>
    public KnownBits ArithmeticShiftRight(int shift) => new((ulong)((long)Value >> shift), (ulong)((long)Mask >> shift));

    /// <summary>Arithmetic shift of the low 32 bits; the high ones are zero.</summary>
    public KnownBits ArithmeticShiftRight32(int shift) => new((uint)((int)Value >> shift), (uint)((int)Mask >> shift));

    /// <summary>What both sets say together; false when they contradict each other.</summary>
    public static bool TryIntersect(KnownBits a, KnownBits b, out KnownBits result)
    {
        var unknown = a.Mask & b.Mask;
        result = new KnownBits((a.Value | b.Value) & ~unknown, unknown);
        return ((a.Value ^ b.Value) & ~(a.Mask | b.Mask)) == 0;
    }

    /// <summary>Every value of <paramref name="other"/> is one of this set.</summary>
    public bool Contains(KnownBits other) => (other.Mask & ~Mask) == 0 && Value == (other.Value & ~Mask);
}
