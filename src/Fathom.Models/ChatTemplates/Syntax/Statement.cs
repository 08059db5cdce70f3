using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Syntax;

/// <summary>How a statement ended: <c>break</c> and <c>continue</c> travel outwards to their loop.</summary>
internal enum Flow
{
    Normal,
    Break,
    Continue,
}

/// <summary>A node that writes text or changes names. Immutable and shared by all renderings of a template.</summary>
internal abstract class Statement(int line)
{
    public int Line { get; } = line;

    public abstract Flow Execute(RenderContext context, Scope scope);
}

internal static class Block
{
    public static Flow ExecuteAll(IReadOnlyList<Statement> statements, RenderContext context, Scope scope)
    {
        for (var i = 0; i < statements.Count; i++)
        {
            context.Budget.Enter(statements[i].Line);
            var flow = statements[i].Execute(context, scope);
            if (flow != Flow.Normal)
                return flow;
        }
        return Flow.Normal;
    }

    /// <summary>Runs a body in its own scope and returns what it wrote.</summary>
    public static StringValue Capture(IReadOnlyList<Statement> body, RenderContext context, Scope scope, out Flow flow)
    {
        context.BeginCapture();
        flow = ExecuteAll(body, context, scope);
        return context.EndCapture();
    }
}

internal sealed class Text(int line, string text) : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope)
    {
        context.Write(text);
        return Flow.Normal;
    }
}

/// <summary><c>{{ expression }}</c></summary>
internal sealed class Output(int line, Expression expression) : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope)
    {
        var value = expression.Evaluate(context, scope);
        context.Budget.Line = Line;
        context.Write(ValueText.Of(value, context.Budget));
        return Flow.Normal;
    }
}

/// <summary><c>if</c>, <c>elif</c>, <c>else</c>; opens no scope.</summary>
internal sealed class If(
    int line, IReadOnlyList<(Expression Condition, IReadOnlyList<Statement> Body)> branches, IReadOnlyList<Statement> otherwise)
    : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope)
    {
        foreach (var (condition, body) in branches)
        {
            if (condition.Evaluate(context, scope).IsTruthy)
                return Block.ExecuteAll(body, context, scope);
        }
        return Block.ExecuteAll(otherwise, context, scope);
    }
}

internal sealed class LoopControl(int line, Flow flow) : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope) => flow;
}

/// <summary>A body with a scope of its own: <c>with</c>, <c>block</c>, <c>generation</c>.</summary>
internal sealed class ScopedBlock(
    int line, IReadOnlyList<(Target Target, Expression Value)> bindings, IReadOnlyList<Statement> body, bool seesOnlyRoot)
    : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope)
    {
        var inner = new Scope(seesOnlyRoot ? scope.Root : scope);
        foreach (var (target, value) in bindings)
            target.Assign(value.Evaluate(context, scope), context, inner);
        return Block.ExecuteAll(body, context, inner);
    }
}

/// <summary><c>filter name ... endfilter</c></summary>
internal sealed class FilterBlock(int line, ApplyFilter filter, IReadOnlyList<Statement> body) : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope)
    {
        var inner = new Scope(scope);
        var text = Block.Capture(body, context, inner, out var flow);
        if (flow != Flow.Normal)
            return flow;
        context.Write(ValueText.Of(filter.ApplyToBody(text, context, inner), context.Budget));
        return Flow.Normal;
    }
}

/// <summary><c>autoescape</c> blocks, of which only the kind that changes nothing is known here.</summary>
internal sealed class AutoEscape(int line, Expression enabled, IReadOnlyList<Statement> body) : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope)
    {
        if (enabled.Evaluate(context, scope).IsTruthy)
            throw TemplateFault.Evaluation("autoescape is not supported: a prompt is not HTML");
        return Block.ExecuteAll(body, context, new Scope(scope));
    }
}
