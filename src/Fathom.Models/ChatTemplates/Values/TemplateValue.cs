using Fathom.Models.ChatTemplates.Evaluation;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>
/// A value of the template language, with the behaviour Python gives its counterpart. Operations that several kinds share
/// (arithmetic, comparison, text, JSON) live outside and switch over the kinds; what only a kind knows about itself is here.
/// </summary>
internal abstract class TemplateValue
{
    /// <summary>Python's name of the type, for messages: <c>str</c>, <c>dict</c>, <c>NoneType</c>.</summary>
    public abstract string TypeName { get; }

    /// <summary>How Jinja names the object whose attribute is missing.</summary>
    public virtual string ObjectDescription => TypeName + " object";

    public virtual bool IsTruthy => true;

    /// <summary>Python's <c>__len__</c>; null when the type has none.</summary>
    public virtual int? Length => null;

    public virtual bool IsCallable => false;

    /// <summary>Python's <c>iter()</c>; null when the type is not iterable.</summary>
    public virtual IEnumerable<TemplateValue>? Enumerate(RenderBudget budget) => null;

    /// <summary><c>value[key]</c>; null when there is no such item or the type has no items.</summary>
    public virtual TemplateValue? FindItem(TemplateValue key, RenderBudget budget) => null;

    /// <summary><c>value.name</c> before Jinja falls back to the item of that name; null when there is none.</summary>
    public virtual TemplateValue? FindAttribute(string name) => null;

    public virtual TemplateValue Call(RenderContext context, Arguments arguments) =>
        throw TemplateFault.Evaluation($"'{TypeName}' object is not callable");

    /// <summary>Enumerates, or fails as Python does.</summary>
    public IEnumerable<TemplateValue> Iterate(RenderBudget budget) =>
        Enumerate(budget) ?? throw TemplateFault.Evaluation($"'{TypeName}' object is not iterable");

    /// <summary>All elements in a new list; each is a step.</summary>
    public List<TemplateValue> ToList(RenderBudget budget)
    {
        var list = new List<TemplateValue>();
        foreach (var item in Iterate(budget))
        {
            budget.Charge(1);
            list.Add(item);
        }
        return list;
    }

    /// <summary>Jinja's <c>value.name</c>: attribute, then item, then undefined.</summary>
    public virtual TemplateValue GetAttribute(string name, RenderBudget budget) =>
        FindAttribute(name) ?? FindItem(new StringValue(name), budget) ?? new UndefinedValue(this, new StringValue(name));

    /// <summary>Jinja's <c>value[key]</c>: item, then attribute, then undefined.</summary>
    public virtual TemplateValue GetItem(TemplateValue key, RenderBudget budget)
    {
        if (FindItem(key, budget) is { } item)
            return item;
        if (key is StringValue name && FindAttribute(name.Text) is { } attribute)
            return attribute;
        return new UndefinedValue(this, key);
    }
}
