using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Filters;

/// <summary>Filters on whole sequences.</summary>
internal static class SequenceFilters
{
    public static TemplateValue Length(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        return value.Length is { } length ? IntValue.Of(length)
            : throw TemplateFault.Evaluation($"object of type '{value.TypeName}' has no len()");
    }

    public static TemplateValue First(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        foreach (var item in value.Iterate(context.Budget))
            return item;
        return UndefinedValue.Because("No first item, sequence was empty.");
    }

    public static TemplateValue Last(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        RequireReversible(value);
        if (value.Length == 0)
            return UndefinedValue.Because("No last item, sequence was empty.");
        if (value is ListValue or TupleValue or RangeValue or StringValue)
            return value.FindItem(IntValue.Of(-1), context.Budget)!;
        return value.ToList(context.Budget)[^1];
    }

    public static TemplateValue List(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        return new ListValue(value.ToList(context.Budget));
    }

    public static TemplateValue Items(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        return value switch
        {
            UndefinedValue => new GeneratorValue([]),
            DictValue dict => new GeneratorValue(new DictViewValue(dict, DictViewKind.Items).ToList(context.Budget)),
            _ => throw TemplateFault.Evaluation("Can only get item pairs from a mapping."),
        };
    }

    public static TemplateValue Reverse(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        if (value is StringValue)
            return Slicing.Slice(value, null, null, IntValue.Of(-1), context);
        if (value.Enumerate(context.Budget) is null)
            throw TemplateFault.Evaluation("argument must be iterable");
        var items = value.ToList(context.Budget);
        items.Reverse();
        return value is GeneratorValue ? new ListValue(items) : new GeneratorValue(items);
    }

    public static TemplateValue Batch(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(1, "linecount", "fill_with");
        var size = Numbers.RequireInt32(bound[0]!, arguments.Callee);
        var batches = new List<TemplateValue>();
        var batch = new List<TemplateValue>();
        foreach (var item in value.Iterate(context.Budget))
        {
            context.Budget.Charge(1);
            if (batch.Count == size)
            {
                batches.Add(new ListValue(batch));
                batch = [];
            }
            batch.Add(item);
        }
        if (batch.Count > 0)
        {
            if (bound[1] is not (null or NoneValue) && batch.Count < size)
            {
                context.Budget.Charge(size - batch.Count);
                batch.AddRange(Enumerable.Repeat(bound[1]!, size - batch.Count));
            }
            batches.Add(new ListValue(batch));
        }
        return new GeneratorValue(batches);
    }

    public static TemplateValue Slice(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(1, "slices", "fill_with");
        var items = value.ToList(context.Budget);
        var count = Numbers.RequireInt32(bound[0]!, arguments.Callee);
        if (count == 0)
            throw TemplateFault.Evaluation("integer division or modulo by zero");
        context.Budget.Charge(Math.Max(0, count));
        var slices = new List<TemplateValue>();
        var start = 0;
        for (var i = 0; i < count; i++)
        {
            var takesExtra = i < items.Count % count;
            var length = (items.Count / count) + (takesExtra ? 1 : 0);
            var slice = items.GetRange(start, length);
            start += length;
            if (bound[1] is not (null or NoneValue) && !takesExtra)
                slice.Add(bound[1]!);
            slices.Add(new ListValue(slice));
        }
        return new GeneratorValue(slices);
    }

    private static void RequireReversible(TemplateValue value)
    {
        if (value is not (ListValue or TupleValue or RangeValue or StringValue or DictValue or DictViewValue or UndefinedValue))
            throw TemplateFault.Evaluation($"'{value.TypeName}' object is not reversible");
    }
}
