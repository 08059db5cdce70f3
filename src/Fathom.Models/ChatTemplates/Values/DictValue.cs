using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Methods;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>Python's <c>dict</c>: any hashable key, in the order of insertion.</summary>
internal sealed class DictValue(RenderBudget budget) : TemplateValue
{
    public OrderedDictionary<TemplateValue, TemplateValue> Entries { get; } = new(new KeyComparer(budget));

    public override string TypeName => "dict";

    public override bool IsTruthy => Entries.Count > 0;

    public override int? Length => Entries.Count;

    public override IEnumerable<TemplateValue> Enumerate(RenderBudget budget)
    {
        var count = Entries.Count;
        for (var i = 0; i < count; i++)
        {
            if (Entries.Count != count)
                throw TemplateFault.Evaluation("dictionary changed size during iteration");
            yield return Entries.GetAt(i).Key;
        }
    }

    public override TemplateValue? FindItem(TemplateValue key, RenderBudget budget) =>
        KeyComparer.IsHashable(key, budget) && Entries.TryGetValue(key, out var value) ? value : null;

    public override TemplateValue? FindAttribute(string name) => DictMethods.Find(this, name);

    /// <summary>Stores a pair; an equal key keeps its place and its first spelling.</summary>
    public void Set(TemplateValue key, TemplateValue value, RenderBudget budget)
    {
        if (!KeyComparer.IsHashable(key, budget))
            throw TemplateFault.Evaluation($"unhashable type: '{key.TypeName}'");
        Entries[key] = value;
    }

    /// <summary>The pairs as tuples, in order; fails when the dict changes size meanwhile.</summary>
    public IEnumerable<TupleValue> Pairs(RenderBudget budget)
    {
        foreach (var key in Enumerate(budget))
            yield return new TupleValue([key, Entries[key]]);
    }
}

/// <summary>What <c>keys()</c>, <c>values()</c> and <c>items()</c> return: a live view that has a length but no items.</summary>
internal sealed class DictViewValue(DictValue dict, DictViewKind kind) : TemplateValue
{
    public DictViewKind Kind { get; } = kind;

    public override string TypeName => Kind switch
    {
        DictViewKind.Keys => "dict_keys",
        DictViewKind.Values => "dict_values",
        _ => "dict_items",
    };

    public override bool IsTruthy => dict.IsTruthy;

    public override int? Length => dict.Length;

    public override IEnumerable<TemplateValue> Enumerate(RenderBudget budget) => Kind switch
    {
        DictViewKind.Keys => dict.Enumerate(budget),
        DictViewKind.Values => dict.Pairs(budget).Select(pair => pair.Items[1]),
        _ => dict.Pairs(budget),
    };
}

internal enum DictViewKind
{
    Keys,
    Values,
    Items,
}
