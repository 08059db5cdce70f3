using System.Globalization;

namespace Fathom.Bpf.Verification;

/// <summary>What is known about a 64-bit number: its bits, its bounds, and the bounds of its low 32 bits. All of it holds at once.</summary>
internal struct ScalarRange
{
    public KnownBits Bits;
    public Interval<ulong, long> Wide;
    public Interval<uint, int> Low;

    public static readonly ScalarRange Unknown = new()
    {
        Bits = KnownBits.Unknown,
        Wide = Interval<ulong, long>.Unknown,
        Low = Interval<uint, int>.Unknown,
    };

    public static ScalarRange Constant(ulong value) => new()
    {
        Bits = KnownBits.Constant(value),
        Wide = Interval<ulong, long>.Constant(value),
        Low = Interval<uint, int>.Constant((uint)value),
    };

    public static ScalarRange OfUnsigned(ulong min, ulong max)
    {
        var result = Unknown;
        result.Wide.SetUnsigned(min, max);
        result.Synchronise();
        return result;
    }

    public static ScalarRange OfSigned(long min, long max)
    {
        var result = Unknown;
        result.Wide.SetSigned(min, max);
        result.Synchronise();
        return result;
    }

    public readonly bool IsConstant => Bits.IsConstant;

    public readonly ulong Value => Bits.Value;

    /// <summary>Whether the low <paramref name="wide"/> ? 64 : 32 bits are known, and their value.</summary>
    public readonly bool TryConstant(bool wide, out ulong value)
    {
        value = wide ? Bits.Value : (uint)Bits.Value;
        return wide ? Bits.Mask == 0 : (uint)Bits.Mask == 0;
    }

    /// <summary>Every number of <paramref name="other"/> is one of these.</summary>
    public readonly bool Contains(in ScalarRange other) => Wide.Contains(other.Wide) && Low.Contains(other.Low) && Bits.Contains(other.Bits);

    public readonly bool SameAs(in ScalarRange other) => Contains(other) && other.Contains(this);

    /// <summary>The number is 0 to 2^32 - 1: the bounds of the low half are those of the whole.</summary>
    public void ZeroExtend32()
    {
        Bits = Bits.Low32;
        Wide = Interval<ulong, long>.OfUnsigned(Low.UMin, Low.UMax);
        Synchronise();
    }

    /// <summary>Keeps the low bytes, zeros above.</summary>
    public void Truncate(int sizeBytes)
    {
        if (sizeBytes >= 8)
            return;
        if (sizeBytes == 4)
        {
            ZeroExtend32();
            return;
        }
        var max = (1UL << (sizeBytes * 8)) - 1;
        // Bounds survive when truncation leaves every value of them as it is.
        var keeps = Wide.UMax <= max;
        Bits = Bits.Truncate(sizeBytes);
        if (!keeps)
        {
            Wide = Interval<ulong, long>.OfUnsigned(0, max);
            Low = Interval<uint, int>.OfUnsigned(0, (uint)max);
        }
        Synchronise();
    }

    /// <summary>Keeps the low bytes, the sign of the highest above.</summary>
    public void SignExtend(int sizeBytes)
    {
        if (sizeBytes >= 8)
            return;
        var shift = 64 - (sizeBytes * 8);
        long min = long.MinValue >> shift, max = long.MaxValue >> shift;
        if (sizeBytes == 4)
        {
            // The low half is the number: its signed bounds are exact.
            (min, max) = (Low.SMin, Low.SMax);
        }
        else if (Wide.SMin >= min && Wide.SMax <= max)
        {
            (min, max) = (Wide.SMin, Wide.SMax);
        }
        Bits = (Bits << shift).ArithmeticShiftRight(shift);
        Wide = Interval<ulong, long>.OfSigned(min, max);
        if (sizeBytes < 4)
            Low = Interval<uint, int>.OfSigned((int)min, (int)max);
        Synchronise();
    }

    /// <summary>Lets every part learn from the others.</summary>
    /// <returns>False when they contradict each other: no number is left.</returns>
    public bool Synchronise()
    {
        BoundsFromBits();
        if (Wide.IsEmpty || Low.IsEmpty)
            return false;
        // What one part learns can tell another more; it rarely takes a second round.
        for (var round = 0; round < 3; round++)
        {
            var (wide, low) = (Wide, Low);
            DeduceLow();
            Low.Deduce();
            Wide.Deduce();
            DeduceWide();
            if (Wide.SameAs(wide) && Low.SameAs(low))
                break;
        }
        if (Wide.IsEmpty || Low.IsEmpty || !BitsFromBounds())
            return false;
        BoundsFromBits();
        return !Wide.IsEmpty && !Low.IsEmpty;
    }

    private void BoundsFromBits()
    {
        var (value, mask) = Bits;
        Wide.NarrowUnsigned(value, value | mask);
        Wide.NarrowSigned((long)(value | (mask & (1UL << 63))), (long)(value | (mask & long.MaxValue)));
        uint low = (uint)value, lowMask = (uint)mask;
        Low.NarrowUnsigned(low, low | lowMask);
        Low.NarrowSigned((int)(low | (lowMask & (1U << 31))), (int)(low | (lowMask & int.MaxValue)));
    }

    /// <summary>The low half of a range whose high half is one value, or of one that just crosses a high half's end.</summary>
    private void DeduceLow()
    {
        LowFrom(Wide.UMin, Wide.UMax);
        LowFrom((ulong)Wide.SMin, (ulong)Wide.SMax);
    }

    private void LowFrom(ulong min, ulong max)
    {
        uint low = (uint)min, high = (uint)max;
        if (min >> 32 == max >> 32 && low <= high)
            Low.NarrowUnsigned(low, high);
        var crossing = (uint)(min >> 32) + 1 == (uint)(max >> 32) && (int)low < 0 && (int)high >= 0;
        if (crossing || (min >> 32 == max >> 32 && (int)low <= (int)high))
            Low.NarrowSigned((int)low, (int)high);
    }

    private void DeduceWide()
    {
        const ulong High = 0xFFFF_FFFF_0000_0000;
        Wide.NarrowUnsigned((Wide.UMin & High) | Low.UMin, (Wide.UMax & High) | Low.UMax);
        Wide.NarrowSigned((long)(((ulong)Wide.SMin & High) | Low.UMin), (long)(((ulong)Wide.SMax & High) | Low.UMax));
        // A number that fits a signed word is the sign extension of its low half.
        if (Wide.SMin >= int.MinValue && Wide.SMax <= int.MaxValue)
            Wide.NarrowSigned(Low.SMin, Low.SMax);
    }

    private bool BitsFromBounds()
    {
        if (!KnownBits.TryIntersect(Bits, KnownBits.OfRange(Wide.UMin, Wide.UMax), out var wide) ||
            !KnownBits.TryIntersect(wide.Low32, KnownBits.OfRange(Low.UMin, Low.UMax), out var low))
            return false;
        Bits = wide.WithLow32(low);
        return true;
    }

    public override readonly string ToString()
    {
        if (IsConstant)
            return ((long)Value).ToString(CultureInfo.InvariantCulture);
        var parts = new List<string>();
        if (Wide.SMin != long.MinValue)
            parts.Add($"smin={Wide.SMin}");
        if (Wide.SMax != long.MaxValue)
            parts.Add($"smax={Wide.SMax}");
        if (Wide.UMin != 0)
            parts.Add($"umin={Wide.UMin}");
        if (Wide.UMax != ulong.MaxValue)
            parts.Add($"umax={Wide.UMax}");
        if (Bits.Mask != ulong.MaxValue)
            parts.Add($"bits=(0x{Bits.Value:x}; 0x{Bits.Mask:x})");
        if (Low.SMin != int.MinValue && Low.SMin != Wide.SMin)
            parts.Add($"smin32={Low.SMin}");
        if (Low.SMax != int.MaxValue && Low.SMax != Wide.SMax)
            parts.Add($"smax32={Low.SMax}");
        if (Low.UMin != 0 && Low.UMin != Wide.UMin)
            parts.Add($"umin32={Low.UMin}");
        if (Low.UMax != uint.MaxValue && Low.UMax != Wide.UMax)
            parts.Add($"umax32={Low.UMax}");
        return string.Join(',', parts);
    }
}
