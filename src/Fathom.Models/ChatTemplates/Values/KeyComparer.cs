using System.Numerics;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>Equality of dictionary keys and of <c>unique</c>'s elements: 1, 1.0 and true are one key, as in Python.</summary>
internal sealed class KeyComparer(RenderBudget budget) : IEqualityComparer<TemplateValue>
{
    public static bool IsHashable(TemplateValue value, RenderBudget budget)
    {
        RenderBudget.CheckStack();
        budget.Charge(1);
        return value switch
        {
            ListValue or DictValue or DictViewValue { Kind: not DictViewKind.Values } => false,
            TupleValue tuple => Array.TrueForAll(tuple.Items, item => IsHashable(item, budget)),
            _ => true,
        };
    }

    public bool Equals(TemplateValue? x, TemplateValue? y) => Comparison.AreEqual(x!, y!, budget);

    public int GetHashCode(TemplateValue obj)
    {
        RenderBudget.CheckStack();
        budget.Charge(1);
        return obj switch
        {
            StringValue text => string.GetHashCode(text.Text, StringComparison.Ordinal),
            BoolValue boolean => boolean.Value ? 1 : 0,
            IntValue integer => HashNumber(integer.Value),
            FloatValue { Value: var real } => double.IsFinite(real) && Math.Floor(real) == real
                ? HashNumber(new BigInteger(real))
                : real.GetHashCode(),
            NoneValue => 17,
            UndefinedValue => 19,
            TupleValue tuple => tuple.Items.Aggregate(23, (hash, item) => HashCode.Combine(hash, GetHashCode(item))),
            _ => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(obj),
        };
    }

    // 0 and 1 must hash as false and true do.
    private static int HashNumber(BigInteger value) =>
        value >= int.MinValue && value <= int.MaxValue ? (int)value : value.GetHashCode();
}
