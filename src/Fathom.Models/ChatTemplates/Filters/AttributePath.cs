using System.Globalization;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Filters;

/// <summary>The <c>attribute</c> argument of filters: <c>'name'</c>, <c>'address.city'</c>, <c>'items.0'</c> or an index.</summary>
internal sealed class AttributePath
{
    private readonly List<TemplateValue> _parts = [];

    /// <param name="attribute">The argument; null or none leads to the value itself.</param>
    public AttributePath(TemplateValue? attribute)
    {
        switch (attribute)
        {
            case null or NoneValue:
                break;
            case StringValue path:
                foreach (var part in path.Text.Split('.'))
                {
                    var isIndex = int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index);
                    _parts.Add(isIndex ? IntValue.Of(index) : new StringValue(part));
                }
                break;
            default:
                _parts.Add(attribute);
                break;
        }
    }

    /// <summary>The value at the path; <paramref name="missing"/>, when given, stands in for what is undefined on the way.</summary>
    public TemplateValue Follow(TemplateValue value, TemplateValue? missing, RenderBudget budget)
    {
        foreach (var part in _parts)
        {
            budget.Charge(1);
            value = value.GetItem(part, budget);
            if (missing is not null and not NoneValue && value is UndefinedValue)
                value = missing;
        }
        return value;
    }

    /// <summary>What sorting and grouping compare: the value at the path, strings in lower case unless case matters.</summary>
    public TemplateValue Key(TemplateValue value, TemplateValue? missing, bool caseSensitive, RenderBudget budget) =>
        FoldCase(Follow(value, missing, budget), caseSensitive, budget);

    public static TemplateValue FoldCase(TemplateValue value, bool caseSensitive, RenderBudget budget)
    {
        if (caseSensitive || value is not StringValue text)
            return value;
        budget.ChargeText(text.Text.Length);
        return new StringValue(PythonText.Lower(text.Text));
    }
}
