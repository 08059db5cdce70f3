using System.Globalization;
using System.Numerics;
using System.Text;

namespace Fathom.Models.ChatTemplates.Operators;

/// <summary>Floating point numbers as Python writes them. Rounding to digits is exact, ties to even, on the binary value.</summary>
internal static class FloatText
{
    /// <summary>Python's <c>repr</c>: the shortest digits that read back as the same number.</summary>
    public static string Repr(double value)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        if (value == 0)
            return double.IsNegative(value) ? "-0.0" : "0.0";
        var shortest = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture);
        var (digits, exponent) = Split(shortest);
        var text = exponent is < -4 or >= 16
            ? Scientific(digits, exponent, 'e')
            : Positional(digits, exponent, keepPoint: true);
        return value < 0 ? "-" + text : text;
    }

    /// <summary><c>%.Nf</c> of a finite number's magnitude.</summary>
    public static string Fixed(double magnitude, int decimals)
    {
        var (numerator, denominator) = Fraction(magnitude);
        var digits = RoundHalfEven(numerator * BigInteger.Pow(10, decimals), denominator)
            .ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        return decimals == 0 ? digits : $"{digits[..^decimals]}.{digits[^decimals..]}";
    }

    /// <summary><c>%.Ne</c> of a finite number's magnitude.</summary>
    public static string Exponential(double magnitude, int decimals, char letter)
    {
        var (digits, exponent) = SignificantDigits(magnitude, decimals + 1);
        return Scientific(digits, exponent, letter);
    }

    /// <summary><c>%.Ng</c> of a finite number's magnitude; <paramref name="keepZeros"/> is the # flag.</summary>
    public static string General(double magnitude, int precision, char letter, bool keepZeros)
    {
        precision = Math.Max(1, precision);
        var (digits, exponent) = SignificantDigits(magnitude, precision);
        if (!keepZeros)
            digits = digits.TrimEnd('0') is { Length: > 0 } trimmed ? trimmed : "0";
        return exponent < -4 || exponent >= precision
            ? Scientific(digits, exponent, letter)
            : Positional(digits, exponent, keepPoint: false);
    }

    /// <summary>Python's <c>round(value, decimals)</c> for floats.</summary>
    public static double Round(double value, int decimals)
    {
        if (!double.IsFinite(value) || value == 0 || decimals > 323)
            return value;
        if (decimals < -308)
            return Math.CopySign(0, value);
        string text;
        if (decimals >= 0)
        {
            text = Fixed(Math.Abs(value), decimals);
        }
        else
        {
            var (numerator, denominator) = Fraction(Math.Abs(value));
            var unit = BigInteger.Pow(10, -decimals);
            text = (RoundHalfEven(numerator, denominator * unit) * unit).ToString(CultureInfo.InvariantCulture);
        }
        return Math.CopySign(double.Parse(text, CultureInfo.InvariantCulture), value);
    }

    private static (BigInteger Numerator, BigInteger Denominator) Fraction(double magnitude)
    {
        var bits = BitConverter.DoubleToInt64Bits(magnitude);
        var exponent = (int)(bits >> 52) & 0x7ff;
        BigInteger mantissa = bits & 0xf_ffff_ffff_ffff;
        if (exponent == 0)
            exponent = 1;
        else
            mantissa += 1L << 52;
        exponent -= 1075;
        return exponent >= 0 ? (mantissa << exponent, BigInteger.One) : (mantissa, BigInteger.One << -exponent);
    }

    private static BigInteger RoundHalfEven(BigInteger numerator, BigInteger denominator)
    {
        var quotient = BigInteger.DivRem(numerator, denominator, out var remainder);
        var twice = (remainder * 2).CompareTo(denominator);
        return twice > 0 || (twice == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }

    private static (string Digits, int Exponent) SignificantDigits(double magnitude, int count)
    {
        if (magnitude == 0)
            return (new string('0', count), 0);
        var (numerator, denominator) = Fraction(magnitude);
        var exponent = (int)Math.Floor(Math.Log10(magnitude));
        // The logarithm may be off by one, and rounding may carry into a further digit: correct until the count is right.
        while (true)
        {
            var shift = count - 1 - exponent;
            var rounded = shift >= 0
                ? RoundHalfEven(numerator * BigInteger.Pow(10, shift), denominator)
                : RoundHalfEven(numerator, denominator * BigInteger.Pow(10, -shift));
            var digits = rounded.ToString(CultureInfo.InvariantCulture);
            if (digits.Length == count)
                return (digits, exponent);
            exponent += digits.Length > count ? 1 : -1;
        }
    }

    // "123.45", "1E+16" or "1.5E-05" to digits without leading or trailing zeros and the exponent of the first.
    private static (string Digits, int Exponent) Split(string text)
    {
        var mark = text.IndexOf('E', StringComparison.Ordinal);
        var exponent = mark < 0 ? 0 : int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var mantissa = mark < 0 ? text : text[..mark];
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        exponent += (point < 0 ? mantissa.Length : point) - 1;
        var digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        var zeros = digits.Length - digits.TrimStart('0').Length;
        digits = digits[zeros..].TrimEnd('0');
        return (digits.Length == 0 ? "0" : digits, exponent - zeros);
    }

    private static string Scientific(string digits, int exponent, char letter)
    {
        var text = new StringBuilder().Append(digits[0]);
        if (digits.Length > 1)
            text.Append('.').Append(digits, 1, digits.Length - 1);
        return text.Append(letter).Append(exponent < 0 ? '-' : '+')
            .Append(Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture)).ToString();
    }

    private static string Positional(string digits, int exponent, bool keepPoint)
    {
        if (exponent < 0)
            return "0." + new string('0', -exponent - 1) + digits;
        if (digits.Length > exponent + 1)
            return $"{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
        return digits.PadRight(exponent + 1, '0') + (keepPoint ? ".0" : "");
    }
}
