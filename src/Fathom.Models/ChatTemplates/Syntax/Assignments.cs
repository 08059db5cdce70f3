using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Syntax;

/// <summary>What stands left of <c>=</c> or <c>in</c>.</summary>
internal abstract class Target
{
    public abstract void Assign(TemplateValue value, RenderContext context, Scope scope);
}

internal sealed class NameTarget(string identifier) : Target
{
    public override void Assign(TemplateValue value, RenderContext context, Scope scope) => scope.Set(identifier, value);
}

/// <summary><c>namespace.attribute</c></summary>
internal sealed class NamespaceTarget(string identifier, string attribute) : Target
{
    public override void Assign(TemplateValue value, RenderContext context, Scope scope)
    {
        if (scope.Find(identifier) is not NamespaceValue names)
            throw TemplateFault.Evaluation("cannot assign attribute on non-namespace object");
        names.Attributes.Set(new StringValue(attribute), value, context.Budget);
    }
}

/// <summary><c>a, (b, c)</c>: unpacks.</summary>
internal sealed class TupleTarget(IReadOnlyList<Target> targets) : Target
{
    public override void Assign(TemplateValue value, RenderContext context, Scope scope)
    {
        if (value.Enumerate(context.Budget) is null)
            throw TemplateFault.Evaluation($"cannot unpack non-iterable {value.TypeName} object");
        var items = value.ToList(context.Budget);
        if (items.Count != targets.Count)
        {
            throw TemplateFault.Evaluation(items.Count > targets.Count
                ? $"too many values to unpack (expected {targets.Count})"
                : $"not enough values to unpack (expected {targets.Count}, got {items.Count})");
        }
        for (var i = 0; i < items.Count; i++)
            targets[i].Assign(items[i], context, scope);
    }
}

/// <summary><c>set target = value</c></summary>
internal sealed class Set(int line, Target target, Expression value) : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope)
    {
        var evaluated = value.Evaluate(context, scope);
        context.Budget.Line = Line;
        target.Assign(evaluated, context, scope);
        return Flow.Normal;
    }
}

/// <summary><c>set target ... endset</c>: the text of the body, through filters when given.</summary>
internal sealed class SetBlock(int line, Target target, ApplyFilter? filter, IReadOnlyList<Statement> body) : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope)
    {
        var inner = new Scope(scope);
        TemplateValue text = Block.Capture(body, context, inner, out var flow);
        if (flow != Flow.Normal)
            return flow;
        if (filter is not null)
            text = filter.ApplyToBody(text, context, inner);
        context.Budget.Line = Line;
        target.Assign(text, context, scope);
        return Flow.Normal;
    }
}
