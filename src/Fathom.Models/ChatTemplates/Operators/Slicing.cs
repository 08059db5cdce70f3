using System.Numerics;
using System.Text;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Operators;

/// <summary>Python's <c>value[start:stop:step]</c>.</summary>
internal static class Slicing
{
    public static TemplateValue Slice(
        TemplateValue value, TemplateValue? start, TemplateValue? stop, TemplateValue? step, RenderContext context)
    {
        if (value is UndefinedValue undefined)
            throw undefined.Fault(context.Budget);
        if (value is not (StringValue or ListValue or TupleValue or RangeValue))
            throw TemplateFault.Evaluation(value is DictValue ? "unhashable type: 'slice'" : $"'{value.TypeName}' object is not subscriptable");
        var (first, stride, count) = Resolve(start, stop, step, value.Length!.Value);
        context.Budget.Charge(count / 16);
        switch (value)
        {
            case StringValue text:
                return context.NewString(OfText(text, first, stride, count), text.IsMarkup);
            case ListValue list:
                return new ListValue(stride == 1 ? list.Items.GetRange(first, count) : [.. Pick(list.Items, first, stride, count)]);
            case TupleValue tuple:
                return new TupleValue([.. Pick(tuple.Items, first, stride, count)]);
            default:
                var range = (RangeValue)value;
                return new RangeValue(range.Start + (range.Step * first), range.Step * stride, count);
        }
    }

    private static IEnumerable<TemplateValue> Pick(IReadOnlyList<TemplateValue> items, int first, int stride, int count)
    {
        for (var i = 0; i < count; i++)
            yield return items[first + (i * stride)];
    }

    private static string OfText(StringValue value, int first, int stride, int count)
    {
        var text = value.Text;
        if (value.CodePoints == text.Length && stride == 1)
            return text.Substring(first, count);
        if (stride == 1)
        {
            var from = CodePointText.UnitOffset(text, first);
            var to = from;
            for (var i = 0; i < count; i++)
                to += CodePointText.UnitsAt(text, to);
            return text[from..to];
        }
        var characters = new List<(int Unit, int Units)>(value.CodePoints);
        for (var unit = 0; unit < text.Length; unit += CodePointText.UnitsAt(text, unit))
            characters.Add((unit, CodePointText.UnitsAt(text, unit)));
        var result = new StringBuilder(count);
        for (var i = 0; i < count; i++)
        {
            var (unit, units) = characters[first + (i * stride)];
            result.Append(text, unit, units);
        }
        return result.ToString();
    }

    // CPython's PySlice_AdjustIndices.
    private static (int First, int Stride, int Count) Resolve(
        TemplateValue? start, TemplateValue? stop, TemplateValue? step, int length)
    {
        var stride = Read(step) ?? 1;
        if (stride == 0)
            throw TemplateFault.Evaluation("slice step cannot be zero");
        var down = stride < 0;
        int Clamp(int position)
        {
            if (position < 0)
            {
                position += length;
                return position < 0 ? (down ? -1 : 0) : position;
            }
            return position >= length ? (down ? length - 1 : length) : position;
        }
        var first = Read(start) is { } from ? Clamp(from) : down ? length - 1 : 0;
        var end = Read(stop) is { } to ? Clamp(to) : down ? -1 : length;
        long count = down
            ? end < first ? (((long)first - end - 1) / -(long)stride) + 1 : 0
            : first < end ? (((long)end - first - 1) / stride) + 1 : 0;
        // With at most one element the stride is never used; keeping it small keeps first + i · stride in range.
        return count == 0 ? (0, 1, 0) : (first, count == 1 ? 1 : stride, (int)count);
    }

    private static int? Read(TemplateValue? bound)
    {
        if (bound is null or NoneValue)
            return null;
        if (!Numbers.TryInteger(bound, out BigInteger integer))
            throw TemplateFault.Evaluation("slice indices must be integers or None or have an __index__ method");
        return Numbers.Saturate(integer);
    }
}
