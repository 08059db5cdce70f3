using System.Globalization;
using System.Text;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Operators;

/// <summary>Python's <c>str.format</c>.</summary>
internal sealed class BraceFormat(StringValue format, Arguments arguments, RenderContext context)
{
    private int _next;

    public static StringValue Format(StringValue format, Arguments arguments, RenderContext context) =>
        context.NewString(new BraceFormat(format, arguments, context).Expand(format.Text, 2), format.IsMarkup);

    private string Expand(string text, int nesting)
    {
        if (nesting == 0)
            throw TemplateFault.Evaluation("Max string recursion exceeded");
        var result = new StringBuilder(text.Length + 16);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c is '{' or '}' && i + 1 < text.Length && text[i + 1] == c)
            {
                result.Append(c);
                i++;
                continue;
            }
            if (c == '}')
                throw TemplateFault.Evaluation("Single '}' encountered in format string");
            if (c != '{')
            {
                result.Append(c);
                continue;
            }
            var close = FieldEnd(text, i);
            var part = Field(text[(i + 1)..close], nesting);
            context.Budget.ChargeText(part.Length);
            result.Append(part);
            if (result.Length > context.Budget.StringCharactersMax)
                context.Budget.ChargeText(result.Length);
            i = close;
        }
        return result.ToString();
    }

    private static int FieldEnd(string text, int open)
    {
        var nesting = 0;
        for (var i = open; i < text.Length; i++)
        {
            if (text[i] == '{')
                nesting++;
            else if (text[i] == '}' && --nesting == 0)
                return i;
        }
        throw TemplateFault.Evaluation("expected '}' before end of string");
    }

    private string Field(string field, int nesting)
    {
        context.Budget.Charge(1);
        // The name ends at ! or : outside of brackets.
        var brackets = 0;
        var end = 0;
        for (; end < field.Length && (brackets > 0 || field[end] is not ('!' or ':')); end++)
            brackets += field[end] == '[' ? 1 : field[end] == ']' ? -1 : 0;
        var value = Lookup(field[..end]);
        var rest = field[end..];
        if (rest.StartsWith('!'))
        {
            if (rest.Length < 2 || (rest.Length > 2 && rest[2] != ':'))
                throw TemplateFault.Evaluation("expected ':' after conversion specifier");
            value = new StringValue(rest[1] switch
            {
                's' => ValueText.Of(value, context.Budget),
                'r' or 'a' => ValueText.Repr(value, context.Budget),
                _ => throw TemplateFault.Evaluation($"Unknown conversion specifier {rest[1]}"),
            });
            rest = rest[2..];
        }
        var specification = rest.Length > 0 ? Expand(rest[1..], nesting - 1) : "";
        var text = FormatSpecification.Apply(value, specification, context.Budget);
        return format.IsMarkup && value is not StringValue { IsMarkup: true } ? MarkupText.Escape(text) : text;
    }

    private TemplateValue Lookup(string name)
    {
        var end = name.AsSpan().IndexOfAny('.', '[');
        var value = First(end < 0 ? name : name[..end]);
        for (var i = end < 0 ? name.Length : end; i < name.Length;)
        {
            if (name[i] == '.')
            {
                var stop = i + 1;
                while (stop < name.Length && name[stop] is not ('.' or '['))
                    stop++;
                value = value.GetAttribute(name[(i + 1)..stop], context.Budget);
                i = stop;
            }
            else
            {
                var close = name.IndexOf(']', i);
                if (name[i] != '[' || close < 0)
                    throw TemplateFault.Evaluation("Missing ']' in format string");
                value = value.GetItem(Key(name[(i + 1)..close]), context.Budget);
                i = close + 1;
            }
        }
        return value;
    }

    private TemplateValue First(string name)
    {
        if (name.Length == 0 || char.IsAsciiDigit(name[0]))
        {
            var index = name.Length == 0 ? _next++
                : int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given : int.MaxValue;
            if (index >= arguments.Positional.Count)
                throw TemplateFault.Evaluation(
                    $"Replacement index {index} out of range for positional args tuple");
            return arguments.Positional[index];
        }
        foreach (var (key, value) in arguments.Keywords)
        {
            if (key == name)
                return value;
        }
        throw TemplateFault.Evaluation($"format() misses the value {QuotedText.Of(name)}");
    }

    private static TemplateValue Key(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? IntValue.Of(index) : new StringValue(text);
}
