using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Filters;

/// <summary>Filters that order, group or deduplicate. Strings compare without case unless told otherwise.</summary>
internal static class SortingFilters
{
    public static TemplateValue Sort(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "reverse", "case_sensitive", "attribute");
        var caseSensitive = bound[1]?.IsTruthy ?? false;
        var paths = bound[2] is StringValue several
            ? several.Text.Split(',').Select(part => new AttributePath(new StringValue(part))).ToArray()
            : [new AttributePath(bound[2])];
        TemplateValue Key(TemplateValue item) => paths.Length == 1
            ? paths[0].Key(item, null, caseSensitive, context.Budget)
            : new ListValue([.. paths.Select(path => path.Key(item, null, caseSensitive, context.Budget))]);
        return new ListValue(
            StableSort.Sort(value.ToList(context.Budget), Key, bound[0]?.IsTruthy ?? false, context.Budget));
    }

    public static TemplateValue SortDict(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "case_sensitive", "by", "reverse");
        var by = bound[1] is null ? "key" : (bound[1] as StringValue)?.Text;
        if (by is not ("key" or "value"))
            throw TemplateFault.Evaluation("You can only sort by either \"key\" or \"value\"");
        if (value is UndefinedValue undefined)
            throw undefined.Fault(context.Budget);
        if (value is not DictValue dict)
            throw TemplateFault.Evaluation($"'{value.TypeName}' object has no attribute 'items'");
        var position = by == "key" ? 0 : 1;
        var pairs = new DictViewValue(dict, DictViewKind.Items).ToList(context.Budget);
        return new ListValue(StableSort.Sort(pairs,
            pair => AttributePath.FoldCase(((TupleValue)pair).Items[position], bound[0]?.IsTruthy ?? false, context.Budget),
            bound[2]?.IsTruthy ?? false, context.Budget));
    }

    public static TemplateValue GroupBy(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(1, "attribute", "default", "case_sensitive");
        var path = new AttributePath(bound[0]);
        var caseSensitive = bound[2]?.IsTruthy ?? false;
        TemplateValue Key(TemplateValue item) => path.Key(item, bound[1], caseSensitive, context.Budget);
        var groups = new List<TemplateValue>();
        TemplateValue? current = null;
        foreach (var item in StableSort.Sort(value.ToList(context.Budget), Key, reverse: false, context.Budget))
        {
            var key = Key(item);
            if (current is null || !Comparison.AreEqual(current, key, context.Budget))
            {
                // Without case the group is named as its first element spells it.
                var name = path.Follow(item, bound[1], context.Budget);
                groups.Add(new TupleValue([name, new ListValue([])], isGroup: true));
                current = key;
            }
            ((ListValue)((TupleValue)groups[^1]).Items[1]).Items.Add(item);
        }
        return new ListValue(groups);
    }

    public static TemplateValue Unique(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "case_sensitive", "attribute");
        var path = new AttributePath(bound[1]);
        var seen = new HashSet<TemplateValue>(new KeyComparer(context.Budget));
        var unique = new List<TemplateValue>();
        foreach (var item in value.Iterate(context.Budget))
        {
            context.Budget.Charge(1);
            var key = path.Key(item, null, bound[0]?.IsTruthy ?? false, context.Budget);
            if (!KeyComparer.IsHashable(key, context.Budget))
                throw TemplateFault.Evaluation($"unhashable type: '{key.TypeName}'");
            if (seen.Add(key))
                unique.Add(item);
        }
        return new GeneratorValue(unique);
    }

    public static TemplateValue Min(RenderContext context, TemplateValue value, Arguments arguments) =>
        Extreme(context, value, arguments, Syntax.ComparisonOperator.Less);

    public static TemplateValue Max(RenderContext context, TemplateValue value, Arguments arguments) =>
        Extreme(context, value, arguments, Syntax.ComparisonOperator.Greater);

    private static TemplateValue Extreme(
        RenderContext context, TemplateValue value, Arguments arguments, Syntax.ComparisonOperator better)
    {
        var bound = arguments.Bind(0, "case_sensitive", "attribute");
        var path = new AttributePath(bound[1]);
        TemplateValue? best = null;
        TemplateValue? bestKey = null;
        foreach (var item in value.Iterate(context.Budget))
        {
            context.Budget.Charge(1);
            var key = path.Key(item, null, bound[0]?.IsTruthy ?? false, context.Budget);
            if (bestKey is null || Comparison.Holds(better, key, bestKey, context.Budget))
                (best, bestKey) = (item, key);
        }
        return best ?? UndefinedValue.Because("No aggregated item, sequence was empty.");
    }
}
