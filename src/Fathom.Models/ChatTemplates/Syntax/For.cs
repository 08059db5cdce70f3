using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Syntax;

/// <summary><c>for target in iterable if condition recursive ... else ... endfor</c></summary>
internal sealed class For(
    int line, Target target, Expression iterable, Expression? condition, bool isRecursive,
    IReadOnlyList<Statement> body, IReadOnlyList<Statement> otherwise)
    : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope)
    {
        var items = iterable.Evaluate(context, scope);
        context.Budget.Line = Line;
        Run(items, 0, context, scope);
        return Flow.Normal;
    }

    private void Run(TemplateValue items, int depth0, RenderContext context, Scope scope)
    {
        var source = items.Iterate(context.Budget);
        if (condition is not null)
            source = Filtered(source, context, scope);
        TemplateValue Recurse(TemplateValue inner, int depth)
        {
            context.Budget.EnterCall();
            context.BeginCapture();
            Run(inner, depth, context, scope);
            context.Budget.LeaveCall();
            return context.EndCapture();
        }
        using var loop = new LoopValue(
            condition is null ? items : null, source, isRecursive ? Recurse : null, depth0, context.Budget);
        // As in Jinja, else runs unless some turn reaches the end of the body: a loop left by break in its
        // first turn, or whose turns all continue, still takes it.
        var completed = false;
        while (loop.MoveNext())
        {
            context.Budget.Enter(Line);
            var inner = new Scope(scope);
            inner.Set("loop", loop);
            target.Assign(loop.Current, context, inner);
            var flow = Block.ExecuteAll(body, context, inner);
            if (flow == Flow.Break)
                break;
            completed |= flow == Flow.Normal;
        }
        if (!completed && otherwise.Count > 0)
            Block.ExecuteAll(otherwise, context, new Scope(scope));
    }

    private IEnumerable<TemplateValue> Filtered(IEnumerable<TemplateValue> source, RenderContext context, Scope scope)
    {
        foreach (var item in source)
        {
            context.Budget.Charge(1);
            var inner = new Scope(scope);
            target.Assign(item, context, inner);
            if (condition!.Evaluate(context, inner).IsTruthy)
                yield return item;
        }
    }
}
