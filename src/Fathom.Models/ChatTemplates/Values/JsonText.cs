using System.Globalization;
using System.Text;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>How <c>tojson</c> lays out its text; the defaults are Python's <c>json.dumps</c>.</summary>
/// <param name="Indent">One level's indentation; null for a single line.</param>
/// <param name="ItemSeparator">Between elements.</param>
/// <param name="KeySeparator">Between key and value.</param>
/// <param name="SortKeys">Keys in order instead of as inserted.</param>
/// <param name="EscapeNonAscii">Write only ASCII.</param>
internal sealed record JsonLayout(string? Indent, string ItemSeparator, string KeySeparator, bool SortKeys, bool EscapeNonAscii);

/// <summary>Python's <c>json.dumps</c> as Transformers calls it.</summary>
internal sealed class JsonText(JsonLayout layout, RenderBudget budget)
{
    private readonly StringBuilder _text = new();
    private readonly HashSet<TemplateValue> _open = [];

    public static string Of(TemplateValue value, JsonLayout layout, RenderBudget budget)
    {
        var writer = new JsonText(layout, budget);
        writer.Write(value, 0);
        return writer._text.ToString();
    }

    private void Write(TemplateValue value, int depth)
    {
        RenderBudget.CheckStack();
        budget.Charge(1);
        if (_text.Length > budget.StringCharactersMax)
            budget.ChargeText(_text.Length);
        switch (value)
        {
            case StringValue text:
                WriteString(text.Text);
                break;
            case NoneValue or BoolValue or IntValue or FloatValue:
                _text.Append(Scalar(value));
                break;
            case ListValue or TupleValue:
                Open(value);
                IReadOnlyList<TemplateValue> items = value is ListValue list ? list.Items : ((TupleValue)value).Items;
                WriteElements('[', ']', items, depth, item => Write(item, depth + 1));
                _open.Remove(value);
                break;
            case DictValue dict:
                Open(value);
                WriteElements('{', '}', SortedEntries(dict), depth, entry =>
                {
                    WriteString(Key(entry.Key));
                    _text.Append(layout.KeySeparator);
                    Write(entry.Value, depth + 1);
                });
                _open.Remove(value);
                break;
            default:
                throw TemplateFault.Evaluation($"Object of type {value.TypeName} is not JSON serializable");
        }
    }

    private void Open(TemplateValue container)
    {
        if (!_open.Add(container))
            throw TemplateFault.Evaluation("Circular reference detected");
    }

    private void WriteElements<T>(char opening, char closing, IReadOnlyCollection<T> elements, int depth, Action<T> write)
    {
        _text.Append(opening);
        var first = true;
        foreach (var element in elements)
        {
            if (!first)
                _text.Append(layout.ItemSeparator);
            first = false;
            BreakLine(depth + 1);
            write(element);
        }
        if (!first)
            BreakLine(depth);
        _text.Append(closing);
    }

    private void BreakLine(int depth)
    {
        if (layout.Indent is null)
            return;
        budget.ChargeText(((long)layout.Indent.Length * depth) + 1);
        _text.Append('\n');
        for (var i = 0; i < depth; i++)
            _text.Append(layout.Indent);
    }

    private List<KeyValuePair<TemplateValue, TemplateValue>> SortedEntries(DictValue dict)
    {
        budget.Charge(dict.Entries.Count);
        List<KeyValuePair<TemplateValue, TemplateValue>> entries = [.. dict.Entries];
        if (!layout.SortKeys)
            return entries;
        var keys = StableSort.Sort([.. entries.Select(entry => entry.Key)], key => key, reverse: false, budget);
        return [.. keys.Select(key => KeyValuePair.Create(key, dict.Entries[key]))];
    }

    private static string Key(TemplateValue key) => key switch
    {
        StringValue text => text.Text,
        NoneValue or BoolValue or IntValue or FloatValue => Scalar(key),
        _ => throw TemplateFault.Evaluation($"keys must be str, int, float, bool or None, not {key.TypeName}"),
    };

    private static string Scalar(TemplateValue value) => value switch
    {
        NoneValue => "null",
        BoolValue boolean => boolean.Value ? "true" : "false",
        IntValue integer => integer.Value.ToString(CultureInfo.InvariantCulture),
        FloatValue { Value: var real } => double.IsFinite(real) ? FloatText.Repr(real)
            : double.IsNaN(real) ? "NaN" : real > 0 ? "Infinity" : "-Infinity",
        _ => throw TemplateFault.Evaluation($"Object of type {value.TypeName} is not JSON serializable"),
    };

    private void WriteString(string text)
    {
        budget.ChargeText(text.Length);
        _text.Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => _text.Append("\\\""),
                '\\' => _text.Append("\\\\"),
                '\n' => _text.Append("\\n"),
                '\r' => _text.Append("\\r"),
                '\t' => _text.Append("\\t"),
                '\b' => _text.Append("\\b"),
                '\f' => _text.Append("\\f"),
                < ' ' => _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                > '~' when layout.EscapeNonAscii => _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => _text.Append(c),
            };
        }
        _text.Append('"');
    }
}
