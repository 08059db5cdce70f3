using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Tests;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Filters;

/// <summary><c>map</c>, the four <c>select</c> kinds, <c>attr</c> and <c>default</c>.</summary>
internal static class SelectionFilters
{
    public static TemplateValue Default(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "default_value", "boolean");
        var replace = value is UndefinedValue || ((bound[1]?.IsTruthy ?? false) && !value.IsTruthy);
        return replace ? bound[0] ?? StringValue.Empty : value;
    }

    public static TemplateValue Attribute(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var name = arguments.Bind(1, "name")[0]!;
        if (value is UndefinedValue undefined)
            throw undefined.Fault(context.Budget);
        return name is StringValue text && value.FindAttribute(text.Text) is { } attribute
            ? attribute
            : new UndefinedValue(value, name);
    }

    public static TemplateValue Map(RenderContext context, TemplateValue value, Arguments arguments)
    {
        if (!value.IsTruthy)
            return new GeneratorValue([]);
        Func<TemplateValue, TemplateValue> map;
        if (arguments.Positional.Count == 0 && arguments.Keywords.Any(keyword => keyword.Key == "attribute"))
        {
            var bound = arguments.Bind(0, "attribute", "default");
            var path = new AttributePath(bound[0]);
            map = item => path.Follow(item, bound[1], context.Budget);
        }
        else
        {
            if (arguments.Positional.Count == 0)
                throw TemplateFault.Evaluation("map requires a filter argument");
            var name = NameOf(arguments.Positional[0], "filter");
            var rest = arguments.Skip($"filter '{name}'", 1);
            map = item => FilterTable.Apply(context, name, item, rest);
        }
        var mapped = new List<TemplateValue>();
        foreach (var item in value.Iterate(context.Budget))
        {
            context.Budget.Charge(1);
            mapped.Add(map(item));
        }
        return new GeneratorValue(mapped);
    }

    public static TemplateValue Select(RenderContext context, TemplateValue value, Arguments arguments) =>
        Choose(context, value, arguments, keep: true, byAttribute: false);

    public static TemplateValue Reject(RenderContext context, TemplateValue value, Arguments arguments) =>
        Choose(context, value, arguments, keep: false, byAttribute: false);

    public static TemplateValue SelectAttribute(RenderContext context, TemplateValue value, Arguments arguments) =>
        Choose(context, value, arguments, keep: true, byAttribute: true);

    public static TemplateValue RejectAttribute(RenderContext context, TemplateValue value, Arguments arguments) =>
        Choose(context, value, arguments, keep: false, byAttribute: true);

    private static GeneratorValue Choose(
        RenderContext context, TemplateValue value, Arguments arguments, bool keep, bool byAttribute)
    {
        if (!value.IsTruthy)
            return new GeneratorValue([]);
        var testIndex = byAttribute ? 1 : 0;
        if (arguments.Positional.Count < testIndex)
            throw TemplateFault.Evaluation("Missing parameter for attribute name");
        var path = new AttributePath(byAttribute ? arguments.Positional[0] : null);
        Func<TemplateValue, bool> test = item => item.IsTruthy;
        if (arguments.Positional.Count > testIndex)
        {
            var name = NameOf(arguments.Positional[testIndex], "test");
            var rest = arguments.Skip($"test '{name}'", testIndex + 1);
            test = item => TestTable.Apply(context, name, item, rest);
        }
        var chosen = new List<TemplateValue>();
        foreach (var item in value.Iterate(context.Budget))
        {
            context.Budget.Charge(1);
            if (test(path.Follow(item, null, context.Budget)) == keep)
                chosen.Add(item);
        }
        return new GeneratorValue(chosen);
    }

    private static string NameOf(TemplateValue value, string kind) => value is StringValue name
        ? name.Text
        : throw TemplateFault.Evaluation($"the name of a {kind} must be a str, not {value.TypeName}");
}
