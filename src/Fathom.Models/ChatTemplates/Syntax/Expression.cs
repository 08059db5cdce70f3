using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Syntax;

/// <summary>A node that has a value. Immutable and shared by all renderings of a template.</summary>
internal abstract class Expression(int line)
{
    public int Line { get; } = line;

    /// <summary>The value in a scope; charges its step, sets the line that an error would report.</summary>
    public TemplateValue Evaluate(RenderContext context, Scope scope)
    {
        context.Budget.Enter(Line);
        return Compute(context, scope);
    }

    protected abstract TemplateValue Compute(RenderContext context, Scope scope);

    /// <summary>Evaluates an operand and takes the line back, since the operation that follows is this node's.</summary>
    protected TemplateValue Operand(Expression operand, RenderContext context, Scope scope)
    {
        var value = operand.Evaluate(context, scope);
        context.Budget.Line = Line;
        return value;
    }
}

internal sealed class Constant(int line, TemplateValue value) : Expression(line)
{
    public TemplateValue Value { get; } = value;

    protected override TemplateValue Compute(RenderContext context, Scope scope) => Value;
}

internal sealed class Name(int line, string identifier) : Expression(line)
{
    public string Identifier { get; } = identifier;

    protected override TemplateValue Compute(RenderContext context, Scope scope) =>
        scope.Find(Identifier) ?? UndefinedValue.Variable(Identifier);
}

internal sealed class ListLiteral(int line, IReadOnlyList<Expression> items) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        var values = new List<TemplateValue>(items.Count);
        foreach (var item in items)
            values.Add(item.Evaluate(context, scope));
        return new ListValue(values);
    }
}

internal sealed class TupleLiteral(int line, IReadOnlyList<Expression> items) : Expression(line)
{
    public IReadOnlyList<Expression> Items { get; } = items;

    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        var values = new TemplateValue[Items.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = Items[i].Evaluate(context, scope);
        return new TupleValue(values);
    }
}

internal sealed class DictLiteral(int line, IReadOnlyList<(Expression Key, Expression Value)> entries) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        var dict = context.NewDict();
        foreach (var (key, value) in entries)
        {
            var evaluatedKey = key.Evaluate(context, scope);
            dict.Set(evaluatedKey, Operand(value, context, scope), context.Budget);
        }
        return dict;
    }
}
