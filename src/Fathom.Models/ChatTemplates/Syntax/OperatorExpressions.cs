using System.Text;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Syntax;

internal sealed class Binary(int line, BinaryOperator op, Expression left, Expression right) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        var x = left.Evaluate(context, scope);
        var y = Operand(right, context, scope);
        return Arithmetic.Apply(op, x, y, context);
    }
}

internal sealed class Negation(int line, Expression operand) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope) =>
        Arithmetic.Negate(Operand(operand, context, scope), context);
}

internal sealed class UnaryPlus(int line, Expression operand) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope) =>
        Arithmetic.Plus(Operand(operand, context, scope), context);
}

internal sealed class Not(int line, Expression operand) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope) =>
        BoolValue.Of(!operand.Evaluate(context, scope).IsTruthy);
}

/// <summary><c>left and right</c>: the operand that decides, not its truth value.</summary>
internal sealed class And(int line, Expression left, Expression right) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        var value = left.Evaluate(context, scope);
        return value.IsTruthy ? right.Evaluate(context, scope) : value;
    }
}

internal sealed class Or(int line, Expression left, Expression right) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        var value = left.Evaluate(context, scope);
        return value.IsTruthy ? value : right.Evaluate(context, scope);
    }
}

/// <summary><c>a &lt; b &lt;= c</c>: every neighbour pair must hold; each operand is evaluated once and only when needed.</summary>
internal sealed class Compare(int line, Expression first, IReadOnlyList<(ComparisonOperator Op, Expression Operand)> rest)
    : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        var left = first.Evaluate(context, scope);
        foreach (var (op, operand) in rest)
        {
            var right = Operand(operand, context, scope);
            if (!Comparison.Holds(op, left, right, context.Budget))
                return BoolValue.False;
            left = right;
        }
        return BoolValue.True;
    }
}

/// <summary><c>a ~ b ~ c</c>: the texts of all parts joined.</summary>
internal sealed class Concatenation(int line, IReadOnlyList<Expression> parts) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        var text = new StringBuilder();
        foreach (var part in parts)
        {
            var value = ValueText.Of(Operand(part, context, scope), context.Budget);
            context.Budget.ChargeText(text.Length + (long)value.Length);
            text.Append(value);
        }
        return new StringValue(text.ToString());
    }
}

/// <summary><c>then if condition else otherwise</c>; without else, undefined when the condition fails.</summary>
internal sealed class Conditional(int line, Expression condition, Expression then, Expression? otherwise) : Expression(line)
{
    protected override TemplateValue Compute(RenderContext context, Scope scope)
    {
        if (condition.Evaluate(context, scope).IsTruthy)
            return then.Evaluate(context, scope);
        return otherwise?.Evaluate(context, scope) ?? UndefinedValue.Because(
            $"the inline if-expression on line {Line} evaluated to false and no else section was defined.");
    }
}
