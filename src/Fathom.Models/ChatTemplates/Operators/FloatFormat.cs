using System.Globalization;
using System.Numerics;
using System.Text;
using Fathom.Models.ChatTemplates.Evaluation;

namespace Fathom.Models.ChatTemplates.Operators;

/// <summary>The conversions e, f and g that <c>%</c> and <c>str.format</c> share.</summary>
internal static class FloatFormat
{
    // A double has at most 1074 fractional digits; more would only be zeros.
    private const int PrecisionMax = 1100;

    public static string Magnitude(double magnitude, char conversion, int precision, bool keepZeros)
    {
        if (!double.IsFinite(magnitude))
        {
            var name = double.IsNaN(magnitude) ? "nan" : "inf";
            return char.IsUpper(conversion) ? name.ToUpperInvariant() : name;
        }
        if (precision > PrecisionMax)
            throw TemplateFault.Limit($"a number with a precision above {PrecisionMax} digits.");
        return conversion switch
        {
            'f' or 'F' => FloatText.Fixed(magnitude, precision),
            'e' or 'E' => FloatText.Exponential(magnitude, precision, conversion),
            _ => FloatText.General(magnitude, precision, conversion == 'G' ? 'E' : 'e', keepZeros),
        };
    }
}

/// <summary>Integers in the bases that format characters name.</summary>
internal static class RadixText
{
    public static string Of(BigInteger magnitude, char conversion)
    {
        var bits = conversion switch { 'x' or 'X' => 4, 'o' => 3, 'b' => 1, _ => 0 };
        if (bits == 0)
            return magnitude.ToString(CultureInfo.InvariantCulture);
        if (magnitude.IsZero)
            return "0";
        var digits = new StringBuilder();
        var alphabet = conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
        for (; !magnitude.IsZero; magnitude >>= bits)
            digits.Insert(0, alphabet[(int)(magnitude & ((1 << bits) - 1))]);
        return digits.ToString();
    }
}
