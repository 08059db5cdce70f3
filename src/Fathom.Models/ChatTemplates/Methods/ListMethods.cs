using System.Collections.Frozen;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;
using Method = System.Func<Fathom.Models.ChatTemplates.Values.ListValue,
    Fathom.Models.ChatTemplates.Evaluation.RenderContext,
    Fathom.Models.ChatTemplates.Values.Arguments,
    Fathom.Models.ChatTemplates.Values.TemplateValue>;

namespace Fathom.Models.ChatTemplates.Methods;

/// <summary>Methods of Python's <c>list</c> and <c>tuple</c>.</summary>
/// <remarks>Transformers forbids those that change a list; templates written for other renderers use them, so they work here.
/// What they change is always this rendering's own copy.</remarks>
internal static class ListMethods
{
    private static readonly FrozenDictionary<string, Method> Methods = new Dictionary<string, Method>
    {
        ["append"] = (self, context, arguments) =>
        {
            self.Items.Add(arguments.Bind(1, "object")[0]!);
            return NoneValue.Instance;
        },
        ["extend"] = (self, context, arguments) =>
        {
            self.Items.AddRange(arguments.Bind(1, "iterable")[0]!.ToList(context.Budget));
            return NoneValue.Instance;
        },
        ["insert"] = (self, context, arguments) =>
        {
            var bound = arguments.Bind(2, "index", "object");
            context.Budget.Charge(self.Items.Count / 64);
            self.Items.Insert(Position(bound[0], 0, self.Items.Count, arguments.Callee), bound[1]!);
            return NoneValue.Instance;
        },
        ["pop"] = Pop,
        ["remove"] = (self, context, arguments) =>
        {
            self.Items.RemoveAt(IndexOf(self.Items, arguments.Bind(1, "value")[0]!, 0, self.Items.Count, context.Budget));
            return NoneValue.Instance;
        },
        ["clear"] = (self, context, arguments) =>
        {
            arguments.BindNothing();
            self.Items.Clear();
            return NoneValue.Instance;
        },
        ["reverse"] = (self, context, arguments) =>
        {
            arguments.BindNothing();
            context.Budget.Charge(self.Items.Count);
            self.Items.Reverse();
            return NoneValue.Instance;
        },
        ["sort"] = (self, context, arguments) =>
        {
            var reverse = arguments.Bind(0, "reverse")[0]?.IsTruthy ?? false;
            var sorted = StableSort.Sort(self.Items, item => item, reverse, context.Budget);
            self.Items.Clear();
            self.Items.AddRange(sorted);
            return NoneValue.Instance;
        },
        ["copy"] = (self, context, arguments) =>
        {
            arguments.BindNothing();
            context.Budget.Charge(self.Items.Count);
            return new ListValue([.. self.Items]);
        },
        ["index"] = (self, context, arguments) => Index(self.Items, context, arguments),
        ["count"] = (self, context, arguments) => Count(self.Items, context, arguments),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static TemplateValue? Find(ListValue self, string name) =>
        Methods.TryGetValue(name, out var method) ? new BoundMethodValue<ListValue>(self, name, method) : null;

    public static TemplateValue? FindOfTuple(TupleValue self, string name) => name switch
    {
        "index" => new BoundMethodValue<TupleValue>(self, name, (tuple, context, arguments) => Index(tuple.Items, context, arguments)),
        "count" => new BoundMethodValue<TupleValue>(self, name, (tuple, context, arguments) => Count(tuple.Items, context, arguments)),
        _ => null,
    };

    private static TemplateValue Pop(ListValue self, RenderContext context, Arguments arguments)
    {
        var bound = arguments.Bind(0, "index");
        if (self.Items.Count == 0)
            throw TemplateFault.Evaluation("pop from empty list");
        if (!Numbers.TryIndex(bound[0] ?? IntValue.Of(-1), self.Items.Count, out var index))
            throw TemplateFault.Evaluation("pop index out of range");
        context.Budget.Charge((self.Items.Count - index) / 64);
        var item = self.Items[index];
        self.Items.RemoveAt(index);
        return item;
    }

    private static IntValue Index(IReadOnlyList<TemplateValue> items, RenderContext context, Arguments arguments)
    {
        var bound = arguments.Bind(1, "value", "start", "stop");
        var start = Position(bound[1], 0, items.Count, arguments.Callee);
        var stop = Position(bound[2], items.Count, items.Count, arguments.Callee);
        return IntValue.Of(IndexOf(items, bound[0]!, start, stop, context.Budget));
    }

    private static IntValue Count(IReadOnlyList<TemplateValue> items, RenderContext context, Arguments arguments)
    {
        var value = arguments.Bind(1, "value")[0]!;
        var count = 0;
        foreach (var item in items)
            count += Comparison.AreEqual(item, value, context.Budget) ? 1 : 0;
        return IntValue.Of(count);
    }

    private static int IndexOf(IReadOnlyList<TemplateValue> items, TemplateValue value, int start, int stop, RenderBudget budget)
    {
        for (var i = start; i < stop; i++)
        {
            if (Comparison.AreEqual(items[i], value, budget))
                return i;
        }
        throw TemplateFault.Evaluation($"{ValueText.Repr(value, budget)} is not in list");
    }

    private static int Position(TemplateValue? bound, int missing, int count, string callee)
    {
        if (bound is null)
            return missing;
        var position = Numbers.RequireInt32(bound, callee);
        return Math.Clamp(position < 0 ? position + count : position, 0, count);
    }
}
