using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Operators;

/// <summary>Python's <c>sorted</c>: stable, also in reverse.</summary>
internal static class StableSort
{
    public static List<TemplateValue> Sort(
        IReadOnlyList<TemplateValue> items, Func<TemplateValue, TemplateValue> key, bool reverse, RenderBudget budget)
    {
        budget.Charge(items.Count);
        var keys = items.Select(key).ToArray();
        var source = Enumerable.Range(0, items.Count).ToArray();
        var target = new int[source.Length];
        // Merge sort by hand: the order may fail on mixed types, and library sorts wrap what a comparer throws.
        for (var width = 1; width < source.Length; width *= 2)
        {
            for (var start = 0; start < source.Length; start += 2 * width)
            {
                var middle = Math.Min(start + width, source.Length);
                var end = Math.Min(start + (2 * width), source.Length);
                int left = start, right = middle;
                for (var i = start; i < end; i++)
                {
                    var takeRight = left == middle
                        || (right < end && IsBefore(keys[source[right]], keys[source[left]], reverse, budget));
                    target[i] = takeRight ? source[right++] : source[left++];
                }
            }
            (source, target) = (target, source);
        }
        return [.. source.Select(i => items[i])];
    }

    private static bool IsBefore(TemplateValue x, TemplateValue y, bool reverse, RenderBudget budget) => reverse
        ? Comparison.Holds(Syntax.ComparisonOperator.Less, y, x, budget)
        : Comparison.Holds(Syntax.ComparisonOperator.Less, x, y, budget);
}
