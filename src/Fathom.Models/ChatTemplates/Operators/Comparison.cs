using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Syntax;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Operators;

/// <summary>Python's equality, order and membership.</summary>
internal static class Comparison
{
    public static bool Holds(ComparisonOperator op, TemplateValue left, TemplateValue right, RenderBudget budget) => op switch
    {
        ComparisonOperator.Equal => AreEqual(left, right, budget),
        ComparisonOperator.NotEqual => !AreEqual(left, right, budget),
        ComparisonOperator.In => Contains(right, left, budget),
        ComparisonOperator.NotIn => !Contains(right, left, budget),
        _ => IsOrdered(op, left, right, budget),
    };

    public static bool AreEqual(TemplateValue x, TemplateValue y, RenderBudget budget)
    {
        if (ReferenceEquals(x, y) && x is not FloatValue)
            return true;
        RenderBudget.CheckStack();
        budget.Charge(1);
        switch (x, y)
        {
            case (StringValue a, StringValue b):
                budget.Charge(Math.Min(a.Text.Length, b.Text.Length) / 64);
                return string.Equals(a.Text, b.Text, StringComparison.Ordinal);
            case (UndefinedValue, UndefinedValue):
                return true;
            case (ListValue a, ListValue b):
                return AreEqual(a.Items, b.Items, budget);
            case (TupleValue a, TupleValue b):
                return AreEqual(a.Items, b.Items, budget);
            case (RangeValue a, RangeValue b):
                return a.Count == b.Count
                    && (a.Count == 0 || (a.Start == b.Start && (a.Count == 1 || a.Step == b.Step)));
            case (DictValue a, DictValue b):
                return AreEqual(a, b, budget);
            default:
                return NumbersAreEqual(x, y);
        }
    }

    public static bool Contains(TemplateValue container, TemplateValue item, RenderBudget budget)
    {
        switch (container)
        {
            case StringValue text:
                if (item is not StringValue part)
                    throw TemplateFault.Evaluation($"'in <string>' requires string as left operand, not {item.TypeName}");
                budget.Charge(text.Text.Length / 64);
                return text.Text.Contains(part.Text, StringComparison.Ordinal);
            case DictValue dict:
                if (!KeyComparer.IsHashable(item, budget))
                    throw TemplateFault.Evaluation($"unhashable type: '{item.TypeName}'");
                return dict.Entries.ContainsKey(item);
        }
        var items = container.Enumerate(budget)
            ?? throw TemplateFault.Evaluation($"argument of type '{container.TypeName}' is not iterable");
        foreach (var candidate in items)
        {
            budget.Charge(1);
            if (ReferenceEquals(candidate, item) || AreEqual(candidate, item, budget))
                return true;
        }
        return false;
    }

    /// <summary>Negative, zero or positive, for sorting; fails on kinds that have no order.</summary>
    public static int Order(TemplateValue x, TemplateValue y, RenderBudget budget)
    {
        if (IsOrdered(ComparisonOperator.Less, x, y, budget))
            return -1;
        return IsOrdered(ComparisonOperator.Less, y, x, budget) ? 1 : 0;
    }

    private static bool IsOrdered(ComparisonOperator op, TemplateValue x, TemplateValue y, RenderBudget budget)
    {
        RenderBudget.CheckStack();
        budget.Charge(1);
        switch (x, y)
        {
            case (UndefinedValue undefined, _):
                throw undefined.Fault(budget);
            case (_, UndefinedValue undefined):
                throw undefined.Fault(budget);
            case (StringValue a, StringValue b):
                return Decide(op, CodePointText.Compare(a.Text, b.Text));
            case (ListValue a, ListValue b):
                return IsOrdered(op, a.Items, b.Items, budget);
            case (TupleValue a, TupleValue b):
                return IsOrdered(op, a.Items, b.Items, budget);
        }
        if (Numbers.TryInteger(x, out var i) && Numbers.TryInteger(y, out var j))
            return Decide(op, i.CompareTo(j));
        if (Numbers.TryFloat(x, out var r) && Numbers.TryFloat(y, out var s))
        {
            return op switch
            {
                ComparisonOperator.Less => r < s,
                ComparisonOperator.LessOrEqual => r <= s,
                ComparisonOperator.Greater => r > s,
                _ => r >= s,
            };
        }
        throw TemplateFault.Evaluation(
            $"'{Spelling(op)}' not supported between instances of '{x.TypeName}' and '{y.TypeName}'");
    }

    private static bool IsOrdered(
        ComparisonOperator op, IReadOnlyList<TemplateValue> x, IReadOnlyList<TemplateValue> y, RenderBudget budget)
    {
        for (var i = 0; i < x.Count && i < y.Count; i++)
        {
            if (!AreEqual(x[i], y[i], budget))
                return IsOrdered(op, x[i], y[i], budget);
        }
        return Decide(op, x.Count.CompareTo(y.Count));
    }

    private static bool Decide(ComparisonOperator op, int order) => op switch
    {
        ComparisonOperator.Less => order < 0,
        ComparisonOperator.LessOrEqual => order <= 0,
        ComparisonOperator.Greater => order > 0,
        _ => order >= 0,
    };

    private static string Spelling(ComparisonOperator op) => op switch
    {
        ComparisonOperator.Less => "<",
        ComparisonOperator.LessOrEqual => "<=",
        ComparisonOperator.Greater => ">",
        _ => ">=",
    };

    private static bool AreEqual(IReadOnlyList<TemplateValue> x, IReadOnlyList<TemplateValue> y, RenderBudget budget)
    {
        if (x.Count != y.Count)
            return false;
        for (var i = 0; i < x.Count && i < y.Count; i++)
        {
            if (!AreEqual(x[i], y[i], budget))
                return false;
        }
        return true;
    }

    private static bool AreEqual(DictValue x, DictValue y, RenderBudget budget)
    {
        if (x.Entries.Count != y.Entries.Count)
            return false;
        foreach (var (key, value) in x.Entries)
        {
            if (!y.Entries.TryGetValue(key, out var other) || !AreEqual(value, other, budget))
                return false;
        }
        return true;
    }

    private static bool NumbersAreEqual(TemplateValue x, TemplateValue y)
    {
        var xIsInteger = Numbers.TryInteger(x, out var i);
        var yIsInteger = Numbers.TryInteger(y, out var j);
        if (xIsInteger && yIsInteger)
            return i == j;
        if (x is FloatValue a)
            return y is FloatValue b ? a.Value == b.Value : yIsInteger && EqualsInteger(a.Value, j);
        return y is FloatValue c && xIsInteger && EqualsInteger(c.Value, i);
    }

    // Exact, as in Python: 2**53 + 1 is not equal to float(2**53).
    private static bool EqualsInteger(double real, System.Numerics.BigInteger integer) =>
        double.IsFinite(real) && Math.Floor(real) == real && new System.Numerics.BigInteger(real) == integer;
}
