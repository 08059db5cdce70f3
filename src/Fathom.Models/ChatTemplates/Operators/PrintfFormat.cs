using System.Globalization;
using System.Numerics;
using System.Text;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Operators;

/// <summary>Python's <c>text % values</c>.</summary>
internal static class PrintfFormat
{
    public static StringValue Format(StringValue format, TemplateValue values, RenderContext context)
    {
        var source = new ArgumentSource(values, context.Budget);
        var text = format.Text;
        var result = new StringBuilder(text.Length + 16);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                result.Append(text[i]);
                continue;
            }
            var directive = Directive.Read(text, ref i, source);
            context.Budget.Charge(1);
            if (directive.Conversion == '%')
            {
                result.Append('%');
                continue;
            }
            var value = source.Next();
            var part = directive.Apply(value, format.IsMarkup, context.Budget);
            context.Budget.ChargeText(Math.Max(part.Length, directive.Width));
            result.Append(directive.Pad(part));
            if (result.Length > context.Budget.StringCharactersMax)
                context.Budget.ChargeText(result.Length);
        }
        source.RequireAllUsed();
        return context.NewString(result.ToString(), format.IsMarkup);
    }

    private sealed class ArgumentSource(TemplateValue values, RenderBudget budget)
    {
        private int _used;
        private TemplateValue? _selected;
        private bool _byName;

        public TemplateValue Next()
        {
            if (_selected is { } selected)
            {
                _selected = null;
                return selected;
            }
            if (values is TupleValue tuple)
            {
                if (_used >= tuple.Items.Length)
                    throw TemplateFault.Evaluation("not enough arguments for format string");
                return tuple.Items[_used++];
            }
            if (_used++ > 0)
                throw TemplateFault.Evaluation("not enough arguments for format string");
            return values;
        }

        public void Select(string key)
        {
            if (values is not DictValue dict)
                throw TemplateFault.Evaluation("format requires a mapping");
            _byName = true;
            _selected = dict.FindItem(new StringValue(key), budget)
                ?? throw TemplateFault.Evaluation($"key {QuotedText.Of(key)} is missing for the format string");
        }

        public void RequireAllUsed()
        {
            var left = values switch
            {
                TupleValue tuple => _used < tuple.Items.Length,
                DictValue or ListValue or UndefinedValue or RangeValue => false,
                _ => _used == 0 && !_byName,
            };
            if (left)
                throw TemplateFault.Evaluation("not all arguments converted during string formatting");
        }
    }

    private readonly record struct Directive(
        bool LeftAlign, bool Plus, bool Blank, bool Zero, bool Alternate, int Width, int? Precision, char Conversion)
    {
        private const int FieldMax = 100_000;

        public static Directive Read(string text, ref int i, ArgumentSource source)
        {
            i++;
            if (i < text.Length && text[i] == '(')
            {
                var close = i + 1;
                for (var nesting = 1; close < text.Length; close++)
                {
                    nesting += text[close] == '(' ? 1 : text[close] == ')' ? -1 : 0;
                    if (nesting == 0)
                        break;
                }
                if (close >= text.Length)
                    throw TemplateFault.Evaluation("incomplete format key");
                source.Select(text[(i + 1)..close]);
                i = close + 1;
            }
            bool left = false, plus = false, blank = false, zero = false, alternate = false;
            for (; i < text.Length && "-+ 0#".Contains(text[i], StringComparison.Ordinal); i++)
            {
                left |= text[i] == '-';
                plus |= text[i] == '+';
                blank |= text[i] == ' ';
                zero |= text[i] == '0';
                alternate |= text[i] == '#';
            }
            var width = ReadCount(text, ref i, source) ?? 0;
            if (width < 0)
                (left, width) = (true, -width);
            int? precision = null;
            if (i < text.Length && text[i] == '.')
            {
                i++;
                precision = Math.Max(0, ReadCount(text, ref i, source) ?? 0);
            }
            while (i < text.Length && text[i] is 'h' or 'l' or 'L')
                i++;
            if (i >= text.Length)
                throw TemplateFault.Evaluation("incomplete format");
            return new Directive(left, plus, blank, zero, alternate, width, precision, text[i]);
        }

        public string Apply(TemplateValue value, bool escape, RenderBudget budget)
        {
            switch (Conversion)
            {
                case 's':
                    var plain = escape && value is StringValue markup ? MarkupText.Of(markup) : ValueText.Of(value, budget);
                    return Cut(escape && value is not StringValue ? MarkupText.Escape(plain) : plain);
                case 'r' or 'a':
                    return Cut(ValueText.Repr(value, budget));
                case 'c':
                    if (value is StringValue { CodePoints: 1 } character)
                        return character.Text;
                    if (Numbers.TryInteger(value, out var code) && code >= 0 && code < 0x110000 && (code < 0xd800 || code > 0xdfff))
                        return char.ConvertFromUtf32((int)code);
                    throw TemplateFault.Evaluation("%c requires int or char");
                case 'd' or 'i' or 'u' or 'x' or 'X' or 'o':
                    return Integer(value);
                case 'f' or 'F' or 'e' or 'E' or 'g' or 'G':
                    if (value is UndefinedValue undefined)
                        throw undefined.Fault(budget);
                    if (!Numbers.TryFloat(value, out var real))
                        throw TemplateFault.Evaluation($"must be real number, not {value.TypeName}");
                    return Signed(double.IsNegative(real) && !double.IsNaN(real), FloatFormat.Magnitude(Math.Abs(real), Conversion, Precision ?? 6, Alternate));
                default:
                    throw TemplateFault.Evaluation($"unsupported format character '{Conversion}'");
            }
        }

        public string Pad(string text)
        {
            var missing = Width - CodePointText.Count(text);
            if (missing <= 0)
                return text;
            if (LeftAlign)
                return text + new string(' ', missing);
            if (!Zero || Conversion is 's' or 'r' or 'a' or 'c')
                return new string(' ', missing) + text;
            var sign = text.Length > 0 && text[0] is '-' or '+' or ' ' ? 1 : 0;
            if (Alternate && Conversion is 'x' or 'X' or 'o')
                sign += 2;
            return text[..sign] + new string('0', missing) + text[sign..];
        }

        private string Cut(string text) =>
            Precision is { } most && CodePointText.Count(text) > most ? text[..CodePointText.UnitOffset(text, most)] : text;

        private string Integer(TemplateValue value)
        {
            if (Conversion is 'd' or 'i' or 'u' && value is FloatValue { Value: var real })
            {
                if (!double.IsFinite(real))
                    throw TemplateFault.Evaluation("cannot convert float infinity or NaN to integer");
                value = new IntValue(new BigInteger(Math.Truncate(real)));
            }
            if (!Numbers.TryInteger(value, out var integer))
                throw TemplateFault.Evaluation($"%{Conversion} format: a real number is required, not {value.TypeName}");
            var digits = RadixText.Of(BigInteger.Abs(integer), Conversion).PadLeft(Precision ?? 0, '0');
            var prefix = Alternate ? Conversion switch { 'x' => "0x", 'X' => "0X", 'o' => "0o", _ => "" } : "";
            return Signed(integer.Sign < 0, prefix + digits);
        }

        private string Signed(bool negative, string magnitude) => (negative ? "-" : Plus ? "+" : Blank ? " " : "") + magnitude;

        private static int? ReadCount(string text, ref int i, ArgumentSource source)
        {
            if (i < text.Length && text[i] == '*')
            {
                i++;
                var count = Numbers.RequireInt32(source.Next(), "* of a format");
                return Math.Abs((long)count) <= FieldMax ? count : throw TemplateFault.Limit($"a format wider than {FieldMax}.");
            }
            var start = i;
            while (i < text.Length && char.IsAsciiDigit(text[i]))
                i++;
            if (i == start)
                return null;
            if (!int.TryParse(text.AsSpan(start, i - start), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > FieldMax)
                throw TemplateFault.Limit($"a format wider than {FieldMax}.");
            return number;
        }
    }
}
