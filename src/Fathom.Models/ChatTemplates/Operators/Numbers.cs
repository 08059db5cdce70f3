using System.Globalization;
using System.Numerics;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Operators;

/// <summary>Python's numeric tower as far as templates see it: bool within int, int beside float.</summary>
internal static class Numbers
{
    /// <summary>Python prints integers of at most 4300 digits; arithmetic here stays within what can be printed.</summary>
    public const int IntegerBitsMax = 14_284;

    private const int IntegerDigitsMax = 4300;

    public static bool TryInteger(TemplateValue value, out BigInteger integer)
    {
        switch (value)
        {
            case IntValue number:
                integer = number.Value;
                return true;
            case BoolValue boolean:
                integer = boolean.Value ? BigInteger.One : BigInteger.Zero;
                return true;
            default:
                integer = default;
                return false;
        }
    }

    public static bool TryFloat(TemplateValue value, out double real)
    {
        if (value is FloatValue number)
        {
            real = number.Value;
            return true;
        }
        if (TryInteger(value, out var integer))
        {
            real = ToDouble(integer);
            return true;
        }
        real = default;
        return false;
    }

    public static double ToDouble(BigInteger integer)
    {
        if (BigInteger.Abs(integer) <= (1L << 53))
            return (double)(long)integer;
        // The conversion operator truncates; Python rounds to nearest, as parsing does.
        var real = double.Parse(integer.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        if (double.IsInfinity(real))
            throw TemplateFault.Evaluation("int too large to convert to float");
        return real;
    }

    /// <summary>An integer small enough to be a count or a position; larger ones saturate at the ends of the range.</summary>
    public static int RequireInt32(TemplateValue value, string callee)
    {
        if (!TryInteger(value, out var integer))
            throw TemplateFault.Evaluation($"{callee}: '{value.TypeName}' object cannot be interpreted as an integer");
        return Saturate(integer);
    }

    public static int Saturate(BigInteger integer) =>
        integer > int.MaxValue ? int.MaxValue : integer < int.MinValue ? int.MinValue : (int)integer;

    /// <summary>A position in a sequence, counted from the end when negative; false when it is no integer or outside.</summary>
    public static bool TryIndex(TemplateValue key, int length, out int index)
    {
        index = 0;
        if (!TryInteger(key, out var integer))
            return false;
        if (integer.Sign < 0)
            integer += length;
        if (integer.Sign < 0 || integer >= length)
            return false;
        index = (int)integer;
        return true;
    }

    public static IntValue Bounded(BigInteger integer)
    {
        if (integer.GetBitLength() > IntegerBitsMax)
            throw TemplateFault.Limit($"an integer of more than {IntegerDigitsMax} digits.");
        return IntValue.Of(integer);
    }

    /// <summary>Python's <c>int(text, base)</c>: white space around, a sign, single underscores, prefixes.</summary>
    public static bool TryParseInteger(string text, int radix, out BigInteger integer)
    {
        integer = default;
        var digits = PythonText.Strip(text, null);
        var negative = digits.StartsWith('-');
        if (negative || digits.StartsWith('+'))
            digits = digits[1..];
        if (digits.Length > 2 && digits[0] == '0')
        {
            var prefixRadix = char.ToLowerInvariant(digits[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 };
            if (prefixRadix != 0 && (radix == prefixRadix || radix == 0))
            {
                digits = digits[(digits[2] == '_' ? 3 : 2)..];
                radix = prefixRadix;
            }
        }
        if (radix == 0)
        {
            if (digits.Length > 1 && digits[0] == '0' && digits.Trim('0', '_').Length > 0)
                return false;
            radix = 10;
        }
        if (digits.Length == 0 || digits[0] == '_' || digits[^1] == '_' || digits.Contains("__", StringComparison.Ordinal))
            return false;
        digits = digits.Replace("_", "", StringComparison.Ordinal);
        if (radix == 10)
        {
            if (digits.Length > IntegerDigitsMax || !BigInteger.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out integer))
                return false;
        }
        else
        {
            if (digits.Length > IntegerBitsMax)
                return false;
            foreach (var c in digits)
            {
                var digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetter(c) ? char.ToLowerInvariant(c) - 'a' + 10 : radix;
                if (digit >= radix)
                    return false;
                integer = (integer * radix) + digit;
            }
            if (integer.GetBitLength() > IntegerBitsMax)
                return false;
        }
        if (negative)
            integer = -integer;
        return true;
    }

    /// <summary>Python's <c>float(text)</c>.</summary>
    public static bool TryParseFloat(string text, out double real)
    {
        var digits = PythonText.Strip(text, null);
        var unsigned = digits.TrimStart('+', '-').ToLowerInvariant();
        if (unsigned is "inf" or "infinity" or "nan" && digits.Length - unsigned.Length <= 1)
        {
            real = unsigned == "nan" ? double.NaN : digits[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
            return true;
        }
        real = 0;
        if (digits.Length == 0 || digits[0] == '_' || digits[^1] == '_' || digits.Contains("__", StringComparison.Ordinal))
            return false;
        return double.TryParse(digits.Replace("_", "", StringComparison.Ordinal),
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture, out real);
    }
}
