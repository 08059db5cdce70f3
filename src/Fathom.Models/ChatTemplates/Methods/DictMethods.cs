using System.Collections.Frozen;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;
using Method = System.Func<Fathom.Models.ChatTemplates.Values.DictValue,
    Fathom.Models.ChatTemplates.Evaluation.RenderContext,
    Fathom.Models.ChatTemplates.Values.Arguments,
    Fathom.Models.ChatTemplates.Values.TemplateValue>;

namespace Fathom.Models.ChatTemplates.Methods;

/// <summary>Methods of Python's <c>dict</c>; those that change it work on this rendering's own copy.</summary>
internal static class DictMethods
{
    private static readonly FrozenDictionary<string, Method> Methods = new Dictionary<string, Method>
    {
        ["keys"] = View(DictViewKind.Keys),
        ["values"] = View(DictViewKind.Values),
        ["items"] = View(DictViewKind.Items),
        ["get"] = (self, context, arguments) =>
        {
            var bound = arguments.Bind(1, "key", "default");
            RequireHashable(bound[0]!, context.Budget);
            return self.FindItem(bound[0]!, context.Budget) ?? bound[1] ?? NoneValue.Instance;
        },
        ["pop"] = (self, context, arguments) =>
        {
            var bound = arguments.Bind(1, "key", "default");
            RequireHashable(bound[0]!, context.Budget);
            var value = self.FindItem(bound[0]!, context.Budget) ?? bound[1]
                ?? throw TemplateFault.Evaluation($"no key {ValueText.Repr(bound[0]!, context.Budget)} to pop");
            context.Budget.Charge(self.Entries.Count / 64);
            self.Entries.Remove(bound[0]!);
            return value;
        },
        ["popitem"] = (self, context, arguments) =>
        {
            arguments.BindNothing();
            if (self.Entries.Count == 0)
                throw TemplateFault.Evaluation("popitem(): dictionary is empty");
            var (key, value) = self.Entries.GetAt(self.Entries.Count - 1);
            self.Entries.RemoveAt(self.Entries.Count - 1);
            return new TupleValue([key, value]);
        },
        ["setdefault"] = (self, context, arguments) =>
        {
            var bound = arguments.Bind(1, "key", "default");
            RequireHashable(bound[0]!, context.Budget);
            if (self.FindItem(bound[0]!, context.Budget) is { } present)
                return present;
            self.Set(bound[0]!, bound[1] ?? NoneValue.Instance, context.Budget);
            return bound[1] ?? NoneValue.Instance;
        },
        ["update"] = (self, context, arguments) =>
        {
            Fill(self, arguments, context.Budget);
            return NoneValue.Instance;
        },
        ["clear"] = (self, context, arguments) =>
        {
            arguments.BindNothing();
            self.Entries.Clear();
            return NoneValue.Instance;
        },
        ["copy"] = (self, context, arguments) =>
        {
            arguments.BindNothing();
            var copy = context.NewDict();
            Fill(copy, new Arguments("copy()", [self], []), context.Budget);
            return copy;
        },
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static TemplateValue? Find(DictValue self, string name) =>
        Methods.TryGetValue(name, out var method) ? new BoundMethodValue<DictValue>(self, name, method) : null;

    /// <summary>What <c>dict(...)</c>, <c>namespace(...)</c> and <c>update(...)</c> do: a mapping or pairs, then keywords.</summary>
    public static void Fill(DictValue target, Arguments arguments, RenderBudget budget)
    {
        if (arguments.Positional.Count > 1)
            throw TemplateFault.Evaluation($"{arguments.Callee} expected at most 1 argument, got {arguments.Positional.Count}");
        if (arguments.Positional is [DictValue source])
        {
            foreach (var (key, value) in source.Entries.ToList())
            {
                budget.Charge(1);
                target.Set(key, value, budget);
            }
        }
        else if (arguments.Positional is [var pairs])
        {
            foreach (var pair in pairs.ToList(budget))
            {
                var parts = pair.ToList(budget);
                if (parts.Count != 2)
                    throw TemplateFault.Evaluation($"dictionary update sequence element has length {parts.Count}; 2 is required");
                target.Set(parts[0], parts[1], budget);
            }
        }
        foreach (var (name, value) in arguments.Keywords)
            target.Set(new StringValue(name), value, budget);
    }

    private static Method View(DictViewKind kind) => (self, context, arguments) =>
    {
        arguments.BindNothing();
        return new DictViewValue(self, kind);
    };

    private static void RequireHashable(TemplateValue key, RenderBudget budget)
    {
        if (!KeyComparer.IsHashable(key, budget))
            throw TemplateFault.Evaluation($"unhashable type: '{key.TypeName}'");
    }
}
