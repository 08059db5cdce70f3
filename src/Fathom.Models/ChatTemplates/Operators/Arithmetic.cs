using System.Numerics;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Syntax;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Operators;

/// <summary>Python's binary and unary arithmetic, including <c>+</c> and <c>*</c> on sequences and <c>%</c> on strings.</summary>
internal static class Arithmetic
{
    public static TemplateValue Apply(BinaryOperator op, TemplateValue left, TemplateValue right, RenderContext context)
    {
        if (left is UndefinedValue undefinedLeft)
            throw undefinedLeft.Fault(context.Budget);
        if (op == BinaryOperator.Modulo && left is StringValue format)
            return PrintfFormat.Format(format, right, context);
        if (right is UndefinedValue undefinedRight)
            throw undefinedRight.Fault(context.Budget);
        if (Numbers.TryInteger(left, out var x) && Numbers.TryInteger(right, out var y))
            return OnIntegers(op, x, y);
        if (left is FloatValue or IntValue or BoolValue && right is FloatValue or IntValue or BoolValue)
        {
            Numbers.TryFloat(left, out var a);
            Numbers.TryFloat(right, out var b);
            return OnFloats(op, a, b);
        }
        return op switch
        {
            BinaryOperator.Add => Concatenate(left, right, context),
            BinaryOperator.Multiply => Repeat(left, right, context),
            _ => throw Unsupported(op, left, right),
        };
    }

    public static TemplateValue Negate(TemplateValue value, RenderContext context) => value switch
    {
        UndefinedValue undefined => throw undefined.Fault(context.Budget),
        FloatValue real => new FloatValue(-real.Value),
        _ when Numbers.TryInteger(value, out var integer) => IntValue.Of(-integer),
        _ => throw TemplateFault.Evaluation($"bad operand type for unary -: '{value.TypeName}'"),
    };

    public static TemplateValue Plus(TemplateValue value, RenderContext context) => value switch
    {
        UndefinedValue undefined => throw undefined.Fault(context.Budget),
        FloatValue => value,
        _ when Numbers.TryInteger(value, out var integer) => IntValue.Of(integer),
        _ => throw TemplateFault.Evaluation($"bad operand type for unary +: '{value.TypeName}'"),
    };

    private static TemplateValue OnIntegers(BinaryOperator op, BigInteger x, BigInteger y)
    {
        switch (op)
        {
            case BinaryOperator.Add:
                return Numbers.Bounded(x + y);
            case BinaryOperator.Subtract:
                return Numbers.Bounded(x - y);
            case BinaryOperator.Multiply:
                return Numbers.Bounded(x * y);
            case BinaryOperator.Divide:
                if (y.IsZero)
                    throw TemplateFault.Evaluation("division by zero");
                return new FloatValue(Divide(x, y));
            case BinaryOperator.FloorDivide:
                if (y.IsZero)
                    throw TemplateFault.Evaluation("integer division or modulo by zero");
                return IntValue.Of((x - FloorModulo(x, y)) / y);
            case BinaryOperator.Modulo:
                if (y.IsZero)
                    throw TemplateFault.Evaluation("integer modulo by zero");
                return IntValue.Of(FloorModulo(x, y));
            default:
                return Power(x, y);
        }
    }

    private static BigInteger FloorModulo(BigInteger x, BigInteger y)
    {
        var remainder = BigInteger.Remainder(x, y);
        return !remainder.IsZero && remainder.Sign != y.Sign ? remainder + y : remainder;
    }

    private static double Divide(BigInteger x, BigInteger y)
    {
        if (BigInteger.Abs(x) <= (1L << 53) && BigInteger.Abs(y) <= (1L << 53))
            return (double)(long)x / (long)y;
        return Numbers.ToDouble(x) / Numbers.ToDouble(y);
    }

    private static TemplateValue Power(BigInteger x, BigInteger y)
    {
        if (y.Sign < 0)
        {
            if (x.IsZero)
                throw TemplateFault.Evaluation("0.0 cannot be raised to a negative power");
            return new FloatValue(Math.Pow(Numbers.ToDouble(x), Numbers.ToDouble(y)));
        }
        if (BigInteger.Abs(x) > BigInteger.One && (y > Numbers.IntegerBitsMax || (x.GetBitLength() - 1) * (long)y > Numbers.IntegerBitsMax))
            throw TemplateFault.Limit("a power with too many digits.");
        var exponent = BigInteger.Abs(x) > BigInteger.One ? (int)y : y.IsZero ? 0 : y.IsEven ? 2 : 1;
        return Numbers.Bounded(BigInteger.Pow(x, exponent));
    }

    private static FloatValue OnFloats(BinaryOperator op, double a, double b)
    {
        switch (op)
        {
            case BinaryOperator.Add:
                return new FloatValue(a + b);
            case BinaryOperator.Subtract:
                return new FloatValue(a - b);
            case BinaryOperator.Multiply:
                return new FloatValue(a * b);
            case BinaryOperator.Power:
                if (a == 0 && b < 0)
                    throw TemplateFault.Evaluation("0.0 cannot be raised to a negative power");
                var power = Math.Pow(a, b);
                if (double.IsNaN(power) && !double.IsNaN(a) && !double.IsNaN(b))
                    throw TemplateFault.Evaluation("a negative number to a fractional power is complex");
                if (double.IsInfinity(power) && double.IsFinite(a) && double.IsFinite(b))
                    throw TemplateFault.Evaluation("numerical result out of range");
                return new FloatValue(power);
        }
        if (b == 0)
            throw TemplateFault.Evaluation(op == BinaryOperator.Divide ? "float division by zero"
                : op == BinaryOperator.Modulo ? "float modulo" : "float floor division by zero");
        if (op == BinaryOperator.Divide)
            return new FloatValue(a / b);
        var modulo = FloorModulo(a, b);
        return new FloatValue(op == BinaryOperator.Modulo ? modulo : FloorDivide(a, b, modulo));
    }

    // CPython's float_divmod: the quotient is rounded so that quotient · b + modulo gives a back.
    private static double FloorModulo(double a, double b)
    {
        var modulo = a % b;
        if (modulo == 0)
            return Math.CopySign(0, b);
        return modulo < 0 != b < 0 ? modulo + b : modulo;
    }

    private static double FloorDivide(double a, double b, double modulo)
    {
        var quotient = (a - modulo) / b;
        if (quotient == 0)
            return Math.CopySign(0, a / b);
        var floor = Math.Floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }

    private static TemplateValue Concatenate(TemplateValue left, TemplateValue right, RenderContext context)
    {
        switch (left, right)
        {
            case (StringValue a, StringValue b):
                context.Budget.ChargeText((long)a.Text.Length + b.Text.Length);
                if (!a.IsMarkup && !b.IsMarkup)
                    return new StringValue(a.Text + b.Text);
                return context.NewString(MarkupText.Of(a) + MarkupText.Of(b), isMarkup: true);
            case (ListValue a, ListValue b):
                context.Budget.Charge((long)a.Items.Count + b.Items.Count);
                return new ListValue([.. a.Items, .. b.Items]);
            case (TupleValue a, TupleValue b):
                context.Budget.Charge((long)a.Items.Length + b.Items.Length);
                return new TupleValue([.. a.Items, .. b.Items]);
            case (StringValue, _):
                throw TemplateFault.Evaluation($"can only concatenate str (not \"{right.TypeName}\") to str");
            case (ListValue or TupleValue, _):
                throw TemplateFault.Evaluation(
                    $"can only concatenate {left.TypeName} (not \"{right.TypeName}\") to {left.TypeName}");
            default:
                throw Unsupported(BinaryOperator.Add, left, right);
        }
    }

    private static TemplateValue Repeat(TemplateValue left, TemplateValue right, RenderContext context)
    {
        var (sequence, factor) = left is StringValue or ListValue or TupleValue ? (left, right) : (right, left);
        if (sequence is not (StringValue or ListValue or TupleValue))
            throw Unsupported(BinaryOperator.Multiply, left, right);
        if (!Numbers.TryInteger(factor, out var integer))
            throw TemplateFault.Evaluation($"can't multiply sequence by non-int of type '{factor.TypeName}'");
        var count = Math.Max(0, Numbers.Saturate(integer));
        if (sequence is StringValue text)
        {
            if (text.Text.Length == 0 || count == 0)
                return new StringValue("", text.IsMarkup);
            context.Budget.ChargeText((long)text.Text.Length * count);
            return new StringValue(string.Concat(Enumerable.Repeat(text.Text, count)), text.IsMarkup);
        }
        IReadOnlyList<TemplateValue> items = sequence is ListValue list ? list.Items : ((TupleValue)sequence).Items;
        context.Budget.Charge(items.Count == 0 ? 0 : (long)items.Count * count);
        var repeated = items.Count == 0 ? [] : Enumerable.Repeat(items, count).SelectMany(part => part);
        return sequence is ListValue ? new ListValue([.. repeated]) : new TupleValue([.. repeated]);
    }

    private static TemplateFault Unsupported(BinaryOperator op, TemplateValue left, TemplateValue right) =>
        TemplateFault.Evaluation(
            $"unsupported operand type(s) for {Spelling(op)}: '{left.TypeName}' and '{right.TypeName}'");

    private static string Spelling(BinaryOperator op) => op switch
    {
        BinaryOperator.Add => "+",
        BinaryOperator.Subtract => "-",
        BinaryOperator.Multiply => "*",
        BinaryOperator.Divide => "/",
        BinaryOperator.FloorDivide => "//",
        BinaryOperator.Modulo => "%",
        _ => "** or pow()",
    };
}
