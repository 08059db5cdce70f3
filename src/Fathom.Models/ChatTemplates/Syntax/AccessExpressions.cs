using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Filters;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Tests;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Syntax;

internal sealed class GetAttribute(int line, Expression owner, string name) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope) =>
        Operand(owner, context, scope).GetAttribute(name, context.Budget);
}

internal sealed class GetItem(int line, Expression owner, Expression key) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        var value = owner.Evaluate(context, scope);
        var index = Operand(key, context, scope);
        return value.GetItem(index, context.Budget);
    }
}

internal sealed class Slice(int line, Expression owner, Expression? start, Expression? stop, Expression? step) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        var value = owner.Evaluate(context, scope);
        var from = start?.Evaluate(context, scope);
        var to = stop?.Evaluate(context, scope);
        var by = step?.Evaluate(context, scope);
        context.Budget.Line = Line;
        return Slicing.Slice(value, from, to, by, context);
    }
}

/// <summary>Arguments as written: by position, by name, <c>*list</c> and <c>**dict</c>.</summary>
internal sealed class ArgumentList(
    IReadOnlyList<Expression> positional, IReadOnlyList<(string Name, Expression Value)> keywords,
    Expression? spread, Expression? keywordSpread)
{
    public static ArgumentList Empty { get; } = new([], [], null, null);

    public Arguments Evaluate(string callee, RenderContext context, Scope scope)
    {
        if (positional.Count == 0 && keywords.Count == 0 && spread is null && keywordSpread is null)
            return Arguments.None(callee);
        var values = new List<TemplateValue>(positional.Count);
        foreach (var argument in positional)
            values.Add(argument.Evaluate(context, scope));
        if (spread is not null)
            values.AddRange(spread.Evaluate(context, scope).ToList(context.Budget));
        var named = new List<KeyValuePair<string, TemplateValue>>(keywords.Count);
        foreach (var (name, value) in keywords)
            Add(named, callee, name, value.Evaluate(context, scope));
        if (keywordSpread is not null)
        {
            if (keywordSpread.Evaluate(context, scope) is not DictValue dict)
                throw TemplateFault.Evaluation($"{callee} argument after ** must be a mapping");
            foreach (var (key, value) in dict.Entries)
            {
                context.Budget.Charge(1);
                Add(named, callee, key is StringValue name ? name.Text : throw TemplateFault.Evaluation("keywords must be strings"), value);
            }
        }
        return new Arguments(callee, values, named);
    }

    private static void Add(List<KeyValuePair<string, TemplateValue>> named, string callee, string name, TemplateValue value)
    {
        if (named.Exists(keyword => keyword.Key == name))
            throw TemplateFault.Evaluation($"{callee} got multiple values for keyword argument '{name}'");
        named.Add(KeyValuePair.Create(name, value));
    }
}

internal sealed class Call(int line, Expression callee, ArgumentList arguments) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope) => Invoke(context, scope, null);

    /// <summary>The call with the body of a <c>call</c> block handed over as keyword <c>caller</c>.</summary>
    public TemplateValue Invoke(RenderContext context, Scope scope, TemplateValue? caller)
    {
        var function = callee.Evaluate(context, scope);
        var evaluated = arguments.Evaluate(callee is Name name ? name.Identifier + "()" : "call", context, scope);
        if (caller is not null)
            evaluated = new Arguments(evaluated.Callee, evaluated.Positional, [.. evaluated.Keywords, new("caller", caller)]);
        context.Budget.Line = Line;
        return function.Call(context, evaluated);
    }
}

internal sealed class ApplyFilter(int line, Expression? value, string name, ArgumentList arguments) : Expression(line)
{
    private readonly string _callee = $"filter '{name}'";

    protected override TemplateValue Compute(RenderContext context, Scope scope) =>
        ApplyTo(value!.Evaluate(context, scope), context, scope);

    /// <summary>The filter on a given text: in <c>filter</c> blocks and block <c>set</c> the chain starts with their body.</summary>
    public TemplateValue ApplyToBody(TemplateValue body, RenderContext context, Scope scope) =>
        ApplyTo(value is ApplyFilter inner ? inner.ApplyToBody(body, context, scope) : body, context, scope);

    private TemplateValue ApplyTo(TemplateValue operand, RenderContext context, Scope scope)
    {
        var evaluated = arguments.Evaluate(_callee, context, scope);
        context.Budget.Line = Line;
        return FilterTable.Apply(context, name, operand, evaluated);
    }
}

internal sealed class ApplyTest(int line, Expression value, string name, ArgumentList arguments) : Expression(line)
{
    private readonly string _callee = $"test '{name}'";

    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        var operand = value.Evaluate(context, scope);
        var evaluated = arguments.Evaluate(_callee, context, scope);
        context.Budget.Line = Line;
        return BoolValue.Of(TestTable.Apply(context, name, operand, evaluated));
    }
}
