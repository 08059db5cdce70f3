using System.Collections.Frozen;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Filters;
using Fathom.Models.ChatTemplates.Methods;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Syntax;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Tests;

/// <summary>A test: the value left of <c>is</c>, then the arguments.</summary>
internal delegate bool Test(RenderContext context, TemplateValue value, Arguments arguments);

/// <summary>Jinja's tests by name.</summary>
internal static class TestTable
{
    private static readonly FrozenDictionary<string, Test> Tests = new Dictionary<string, Test>
    {
        ["defined"] = Of(value => value is not UndefinedValue),
        ["undefined"] = Of(value => value is UndefinedValue),
        ["none"] = Of(value => value is NoneValue),
        ["boolean"] = Of(value => value is BoolValue),
        ["true"] = Of(value => value is BoolValue { Value: true }),
        ["false"] = Of(value => value is BoolValue { Value: false }),
        ["integer"] = Of(value => value is IntValue),
        ["float"] = Of(value => value is FloatValue),
        ["number"] = Of(value => value is IntValue or FloatValue or BoolValue),
        ["string"] = Of(value => value is StringValue),
        ["mapping"] = Of(value => value is DictValue),
        ["sequence"] = Of(value => value is StringValue or ListValue or TupleValue or DictValue or RangeValue or UndefinedValue),
        ["callable"] = Of(value => value.IsCallable),
        ["escaped"] = Of(value => value is StringValue { IsMarkup: true }),
        ["iterable"] = (context, value, arguments) => NoArguments(arguments) && value.Enumerate(context.Budget) is not null,
        ["lower"] = (context, value, arguments) => NoArguments(arguments) && StringClasses.IsLower(ValueText.Of(value, context.Budget)),
        ["upper"] = (context, value, arguments) => NoArguments(arguments) && StringClasses.IsUpper(ValueText.Of(value, context.Budget)),
        ["odd"] = (context, value, arguments) => NoArguments(arguments) && Remainder(context, value, IntValue.Of(2), 1),
        ["even"] = (context, value, arguments) => NoArguments(arguments) && Remainder(context, value, IntValue.Of(2), 0),
        ["divisibleby"] = (context, value, arguments) => Remainder(context, value, arguments.Bind(1, "num")[0]!, 0),
        ["sameas"] = (context, value, arguments) => IsSame(value, arguments.Bind(1, "other")[0]!),
        ["in"] = (context, value, arguments) => Comparison.Contains(arguments.Bind(1, "seq")[0]!, value, context.Budget),
        ["filter"] = (context, value, arguments) => NoArguments(arguments) && value is StringValue name && FilterTable.Contains(name.Text),
        ["test"] = (context, value, arguments) => NoArguments(arguments) && value is StringValue name && Contains(name.Text),
        ["=="] = Comparing(ComparisonOperator.Equal),
        ["eq"] = Comparing(ComparisonOperator.Equal),
        ["equalto"] = Comparing(ComparisonOperator.Equal),
        ["!="] = Comparing(ComparisonOperator.NotEqual),
        ["ne"] = Comparing(ComparisonOperator.NotEqual),
        [">"] = Comparing(ComparisonOperator.Greater),
        ["gt"] = Comparing(ComparisonOperator.Greater),
        ["greaterthan"] = Comparing(ComparisonOperator.Greater),
        [">="] = Comparing(ComparisonOperator.GreaterOrEqual),
        ["ge"] = Comparing(ComparisonOperator.GreaterOrEqual),
        ["<"] = Comparing(ComparisonOperator.Less),
        ["lt"] = Comparing(ComparisonOperator.Less),
        ["lessthan"] = Comparing(ComparisonOperator.Less),
        ["<="] = Comparing(ComparisonOperator.LessOrEqual),
        ["le"] = Comparing(ComparisonOperator.LessOrEqual),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static bool Apply(RenderContext context, string name, TemplateValue value, Arguments arguments) =>
        Tests.TryGetValue(name, out var test)
            ? test(context, value, arguments)
            : throw TemplateFault.Evaluation($"No test named '{name}'.");

    private static bool Contains(string name) => Tests.ContainsKey(name);

    private static Test Of(Func<TemplateValue, bool> test) =>
        (context, value, arguments) => NoArguments(arguments) && test(value);

    private static Test Comparing(ComparisonOperator op) =>
        (context, value, arguments) => Comparison.Holds(op, value, arguments.Bind(1, "other")[0]!, context.Budget);

    private static bool NoArguments(Arguments arguments)
    {
        arguments.BindNothing();
        return true;
    }

    private static bool Remainder(RenderContext context, TemplateValue value, TemplateValue divisor, int expected) =>
        Comparison.AreEqual(Arithmetic.Apply(BinaryOperator.Modulo, value, divisor, context), IntValue.Of(expected), context.Budget);

    // CPython keeps one object per small integer and per literal; equality of scalars of one kind comes closest.
    private static bool IsSame(TemplateValue x, TemplateValue y) => ReferenceEquals(x, y) || (x, y) switch
    {
        (IntValue a, IntValue b) => a.Value == b.Value && a.Value >= -5 && a.Value <= 256,
        (StringValue a, StringValue b) => !a.IsMarkup && !b.IsMarkup && string.Equals(a.Text, b.Text, StringComparison.Ordinal),
        _ => false,
    };
}
