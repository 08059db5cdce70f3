using System.Globalization;
using System.Numerics;
using System.Text;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Operators;

/// <summary>Python's format specification: <c>[[fill]align][sign][#][0][width][grouping][.precision][type]</c>.</summary>
internal sealed class FormatSpecification
{
    private const int FieldMax = 100_000;
    private string _fill = " ";
    private char _align;
    private char _sign = '-';
    private bool _alternate;
    private int _width;
    private char _grouping;
    private int? _precision;
    private char _type;

    public static string Apply(TemplateValue value, string specification, RenderBudget budget)
    {
        if (specification.Length == 0)
            return ValueText.Of(value, budget);
        if (value is UndefinedValue or NoneValue or ListValue or DictValue or TupleValue)
            throw TemplateFault.Evaluation($"unsupported format string passed to {value.TypeName}.__format__");
        var parsed = Parse(specification, value.TypeName);
        budget.ChargeText(parsed._width);
        return parsed.Format(value, budget);
    }

    private static FormatSpecification Parse(string text, string typeName)
    {
        var result = new FormatSpecification();
        var i = 0;
        var fillUnits = CodePointText.UnitsAt(text, 0);
        if (text.Length > fillUnits && text[fillUnits] is '<' or '>' or '=' or '^')
        {
            result._fill = text[..fillUnits];
            result._align = text[fillUnits];
            i = fillUnits + 1;
        }
        else if (text[0] is '<' or '>' or '=' or '^')
        {
            result._align = text[i++];
        }
        if (i < text.Length && text[i] is '+' or '-' or ' ')
            result._sign = text[i++];
        if (i < text.Length && text[i] == '#')
        {
            result._alternate = true;
            i++;
        }
        if (i < text.Length && text[i] == '0')
        {
            i++;
            if (result._align == 0)
                (result._fill, result._align) = ("0", '=');
        }
        result._width = ReadNumber(text, ref i) ?? 0;
        if (i < text.Length && text[i] is ',' or '_')
            result._grouping = text[i++];
        if (i < text.Length && text[i] == '.')
        {
            i++;
            result._precision = ReadNumber(text, ref i) ?? throw TemplateFault.Evaluation("Format specifier missing precision");
        }
        if (i < text.Length)
            result._type = text[i++];
        if (i < text.Length)
            throw TemplateFault.Evaluation($"Invalid format specifier '{text}' for object of type '{typeName}'");
        return result;
    }

    private static int? ReadNumber(string text, ref int i)
    {
        var start = i;
        while (i < text.Length && char.IsAsciiDigit(text[i]))
            i++;
        if (i == start)
            return null;
        if (!int.TryParse(text.AsSpan(start, i - start), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > FieldMax)
            throw TemplateFault.Limit($"a format wider than {FieldMax}.");
        return number;
    }

    private string Format(TemplateValue value, RenderBudget budget)
    {
        var isNumber = Numbers.TryFloat(value is BoolValue && _type == 0 ? NoneValue.Instance : value, out _) || value is IntValue;
        if (!isNumber)
        {
            if (_type is not ('\0' or 's') || _align == '=')
                throw Unknown(value);
            var text = ValueText.Of(value, budget);
            if (_precision is { } most && CodePointText.Count(text) > most)
                text = text[..CodePointText.UnitOffset(text, most)];
            return Pad("", text, '<');
        }
        var (negative, magnitude) = value is FloatValue || _type is 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%'
            ? Real(value)
            : Integer(value);
        return Pad(negative ? "-" : _sign == '-' ? "" : _sign.ToString(), magnitude, '>');
    }

    private (bool Negative, string Magnitude) Integer(TemplateValue value)
    {
        Numbers.TryInteger(value, out var integer);
        if (_type is not ('\0' or 'd' or 'n' or 'x' or 'X' or 'o' or 'b' or 'c'))
            throw Unknown(value);
        if (_precision is not null)
            throw TemplateFault.Evaluation("Precision not allowed in integer format specifier");
        if (_type == 'c')
        {
            return integer >= 0 && integer < 0x110000 && (integer < 0xd800 || integer > 0xdfff)
                ? (false, char.ConvertFromUtf32((int)integer))
                : throw TemplateFault.Evaluation("%c arg not in range(0x110000)");
        }
        var digits = RadixText.Of(BigInteger.Abs(integer), _type);
        if (_grouping != 0)
            digits = Group(digits, _type is 'x' or 'X' or 'o' or 'b' ? 4 : 3);
        var prefix = _alternate ? _type switch { 'x' => "0x", 'X' => "0X", 'o' => "0o", 'b' => "0b", _ => "" } : "";
        return (integer.Sign < 0, prefix + digits);
    }

    private (bool Negative, string Magnitude) Real(TemplateValue value)
    {
        Numbers.TryFloat(value, out var real);
        var magnitude = Math.Abs(real);
        var text = _type switch
        {
            '%' => FloatFormat.Magnitude(magnitude * 100, 'f', _precision ?? 6, false) + "%",
            '\0' when _precision is null => FloatText.Repr(magnitude),
            '\0' => WithPoint(FloatFormat.Magnitude(magnitude, 'g', _precision!.Value, _alternate), magnitude),
            'n' => FloatFormat.Magnitude(magnitude, 'g', _precision ?? 6, _alternate),
            'e' or 'E' or 'f' or 'F' or 'g' or 'G' => FloatFormat.Magnitude(magnitude, _type, _precision ?? 6, _alternate),
            _ => throw Unknown(value),
        };
        if (_grouping != 0 && double.IsFinite(real))
        {
            var end = text.AsSpan().IndexOfAny(".eE%");
            var whole = end < 0 ? text.Length : end;
            text = Group(text[..whole], 3) + text[whole..];
        }
        return (double.IsNegative(real) && !double.IsNaN(real), text);
    }

    // Without a type, a float keeps one digit after the point.
    private static string WithPoint(string text, double magnitude) =>
        double.IsFinite(magnitude) && text.AsSpan().IndexOfAny('.', 'e') < 0 ? text + ".0" : text;

    private string Group(string digits, int size)
    {
        var grouped = new StringBuilder();
        for (var i = 0; i < digits.Length; i++)
        {
            if (i > 0 && (digits.Length - i) % size == 0)
                grouped.Append(_grouping);
            grouped.Append(digits[i]);
        }
        return grouped.ToString();
    }

    private string Pad(string sign, string text, char defaultAlign)
    {
        var missing = _width - CodePointText.Count(text) - sign.Length;
        if (missing <= 0)
            return sign + text;
        var align = _align == 0 ? defaultAlign : _align;
        var left = align switch { '<' => 0, '^' => missing / 2, _ => missing };
        var before = Fill(left);
        return align == '=' ? sign + before + text : before + sign + text + Fill(missing - left);
    }

    private string Fill(int count) => string.Concat(Enumerable.Repeat(_fill, count));

    private TemplateFault Unknown(TemplateValue value) =>
        TemplateFault.Evaluation($"Unknown format code '{_type}' for object of type '{value.TypeName}'");
}
