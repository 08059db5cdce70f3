using System.Numerics;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Methods;
using Fathom.Models.ChatTemplates.Operators;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>Python's <c>list</c>.</summary>
internal sealed class ListValue(List<TemplateValue> items) : TemplateValue
{
    public List<TemplateValue> Items { get; } = items;

    public override string TypeName => "list";

    public override bool IsTruthy => Items.Count > 0;

    public override int? Length => Items.Count;

    public override IEnumerable<TemplateValue> Enumerate(RenderBudget budget)
    {
        // By index, so that a loop sees what it appends, as in Python; the step limit ends one that never stops.
        for (var i = 0; i < Items.Count; i++)
            yield return Items[i];
    }

    public override TemplateValue? FindItem(TemplateValue key, RenderBudget budget) =>
        Numbers.TryIndex(key, Items.Count, out var index) ? Items[index] : null;

    public override TemplateValue? FindAttribute(string name) => ListMethods.Find(this, name);
}

/// <summary>Python's <c>tuple</c>; with names for its two elements what <c>groupby</c> yields.</summary>
internal sealed class TupleValue : TemplateValue
{
    private readonly bool _isGroup;

    public TupleValue(TemplateValue[] items, bool isGroup = false)
    {
        Items = items;
        _isGroup = isGroup;
    }

    public TemplateValue[] Items { get; }

    public override string TypeName => "tuple";

    public override bool IsTruthy => Items.Length > 0;

    public override int? Length => Items.Length;

    public override IEnumerable<TemplateValue> Enumerate(RenderBudget budget) => Items;

    public override TemplateValue? FindItem(TemplateValue key, RenderBudget budget) =>
        Numbers.TryIndex(key, Items.Length, out var index) ? Items[index] : null;

    public override TemplateValue? FindAttribute(string name) => (_isGroup, name) switch
    {
        (true, "grouper") => Items[0],
        (true, "list") => Items[1],
        _ => ListMethods.FindOfTuple(this, name),
    };
}

/// <summary>Python's <c>range</c>: its numbers exist when asked for.</summary>
internal sealed class RangeValue(BigInteger start, BigInteger step, int count) : TemplateValue
{
    public BigInteger Start { get; } = start;

    public BigInteger Step { get; } = step;

    public int Count { get; } = count;

    public override string TypeName => "range";

    public override bool IsTruthy => Count > 0;

    public override int? Length => Count;

    public TemplateValue At(int index) => IntValue.Of(Start + (Step * index));

    public override IEnumerable<TemplateValue> Enumerate(RenderBudget budget)
    {
        for (var i = 0; i < Count; i++)
            yield return At(i);
    }

    public override TemplateValue? FindItem(TemplateValue key, RenderBudget budget) =>
        Numbers.TryIndex(key, Count, out var index) ? At(index) : null;
}

/// <summary>
/// Python's one-pass iterators, which <c>map</c>, <c>select</c> and their like return: no length, always true, and empty
/// once read. The elements are computed when the filter runs, so that work never hides in a chain of iterators.
/// </summary>
internal sealed class GeneratorValue(List<TemplateValue> items) : TemplateValue
{
    private int _position;

    public override string TypeName => "generator";

    public override IEnumerable<TemplateValue> Enumerate(RenderBudget budget)
    {
        while (_position < items.Count)
            yield return items[_position++];
    }
}
