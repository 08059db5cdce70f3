using System.Globalization;
using System.Text;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>Python's <c>str()</c> and <c>repr()</c> of values.</summary>
internal static class ValueText
{
    public static string Of(TemplateValue value, RenderBudget budget)
    {
        switch (value)
        {
            case StringValue text:
                return text.Text;
            case UndefinedValue:
                return "";
            default:
                return Repr(value, budget);
        }
    }

    public static string Repr(TemplateValue value, RenderBudget budget)
    {
        switch (value)
        {
            case NoneValue:
                return "None";
            case BoolValue boolean:
                return boolean.Value ? "True" : "False";
            case IntValue integer:
                return integer.Value.ToString(CultureInfo.InvariantCulture);
            case FloatValue real:
                return FloatText.Repr(real.Value);
        }
        var text = new StringBuilder();
        Write(value, text, [], budget);
        return text.ToString();
    }

    private static void Write(TemplateValue value, StringBuilder text, HashSet<TemplateValue> open, RenderBudget budget)
    {
        RenderBudget.CheckStack();
        budget.Charge(1);
        budget.ChargeText(text.Length > budget.StringCharactersMax ? text.Length : 0);
        switch (value)
        {
            case StringValue part:
                var quoted = QuotedText.Of(part.Text);
                budget.ChargeText(quoted.Length);
                text.Append(part.IsMarkup ? $"Markup({quoted})" : quoted);
                break;
            case UndefinedValue:
                text.Append("Undefined");
                break;
            case ListValue or TupleValue or DictValue or DictViewValue or NamespaceValue:
                if (!open.Add(value))
                {
                    text.Append(value is DictValue ? "{...}" : value is TupleValue ? "(...)" : "[...]");
                    break;
                }
                WriteContainer(value, text, open, budget);
                open.Remove(value);
                break;
            case RangeValue range:
                var end = range.Start + (range.Step * range.Count);
                text.Append(CultureInfo.InvariantCulture, $"range({range.Start}, {end}{(range.Step.IsOne ? "" : ", " + range.Step)})");
                break;
            case LoopValue loop:
                text.Append(CultureInfo.InvariantCulture, $"<LoopContext {loop.Index}/{loop.Length}>");
                break;
            case FunctionValue function:
                text.Append(CultureInfo.InvariantCulture, $"<function {function.Name}>");
                break;
            case MacroValue macro:
                text.Append(CultureInfo.InvariantCulture, $"<Macro {(macro.Name is null ? "anonymous" : QuotedText.Of(macro.Name))}>");
                break;
            case NoneValue or BoolValue or IntValue or FloatValue:
                text.Append(Repr(value, budget));
                break;
            default:
                text.Append(CultureInfo.InvariantCulture, $"<{value.TypeName} object>");
                break;
        }
    }

    private static void WriteContainer(TemplateValue value, StringBuilder text, HashSet<TemplateValue> open, RenderBudget budget)
    {
        switch (value)
        {
            case ListValue list:
                WriteItems("[", list.Items, "]", text, open, budget);
                break;
            case TupleValue tuple:
                WriteItems("(", tuple.Items, tuple.Items.Length == 1 ? ",)" : ")", text, open, budget);
                break;
            case DictViewValue view:
                WriteItems(view.TypeName + "([", view.Enumerate(budget), "])", text, open, budget);
                break;
            case NamespaceValue names:
                text.Append("<Namespace ");
                Write(names.Attributes, text, open, budget);
                text.Append('>');
                break;
            case DictValue dict:
                text.Append('{');
                var first = true;
                foreach (var (key, item) in dict.Entries)
                {
                    if (!first)
                        text.Append(", ");
                    first = false;
                    Write(key, text, open, budget);
                    text.Append(": ");
                    Write(item, text, open, budget);
                }
                text.Append('}');
                break;
        }
    }

    private static void WriteItems(string opening, IEnumerable<TemplateValue> items, string closing,
        StringBuilder text, HashSet<TemplateValue> open, RenderBudget budget)
    {
        text.Append(opening);
        var first = true;
        foreach (var item in items)
        {
            if (!first)
                text.Append(", ");
            first = false;
            Write(item, text, open, budget);
        }
        text.Append(closing);
    }
}
