using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Methods;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Filters;

/// <summary>
/// <c>tojson</c> as Transformers replaces it: <c>json.dumps(value, ensure_ascii=False, indent, separators, sort_keys)</c>,
/// without Jinja's HTML escapes.
/// </summary>
internal static class JsonFilter
{
    public static TemplateValue ToJson(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "ensure_ascii", "indent", "separators", "sort_keys");
        var indent = Indentation(bound[1], arguments.Callee, context.Budget);
        var (itemSeparator, keySeparator) = (indent is null ? ", " : ",", ": ");
        if (bound[2] is not (null or NoneValue))
        {
            var separators = bound[2]!.ToList(context.Budget);
            if (separators.Count != 2)
                throw TemplateFault.Evaluation("separators must be a pair of item separator and key separator");
            itemSeparator = StringMethods.RequireText(separators[0], arguments.Callee).Text;
            keySeparator = StringMethods.RequireText(separators[1], arguments.Callee).Text;
        }
        var layout = new JsonLayout(
            indent, itemSeparator, keySeparator, bound[3]?.IsTruthy ?? false, bound[0]?.IsTruthy ?? false);
        return context.NewString(JsonText.Of(value, layout, context.Budget));
    }

    private static string? Indentation(TemplateValue? indent, string callee, RenderBudget budget)
    {
        switch (indent)
        {
            case null or NoneValue:
                return null;
            case StringValue text:
                return text.Text;
            default:
                var width = Math.Max(0, Numbers.RequireInt32(indent, callee));
                budget.ChargeText(width);
                return new string(' ', width);
        }
    }
}
