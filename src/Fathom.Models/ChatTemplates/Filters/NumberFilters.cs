using System.Numerics;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Syntax;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Filters;

/// <summary>Filters that compute numbers.</summary>
internal static class NumberFilters
{
    public static TemplateValue Abs(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        return value switch
        {
            FloatValue real => new FloatValue(Math.Abs(real.Value)),
            UndefinedValue undefined => throw TemplateFault.Evaluation($"bad operand type for abs(): '{undefined.TypeName}'"),
            _ when Numbers.TryInteger(value, out var integer) => IntValue.Of(BigInteger.Abs(integer)),
            _ => throw TemplateFault.Evaluation($"bad operand type for abs(): '{value.TypeName}'"),
        };
    }

    public static TemplateValue Int(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "default", "base");
        var fallback = bound[0] ?? IntValue.Of(0);
        switch (value)
        {
            case UndefinedValue undefined:
                throw undefined.Fault(context.Budget);
            case FloatValue { Value: var real }:
                if (double.IsInfinity(real))
                    throw TemplateFault.Evaluation("cannot convert float infinity to integer");
                return Truncate(real) ?? fallback;
            case StringValue text:
                var radix = bound[1] is null ? 10 : Numbers.RequireInt32(bound[1]!, arguments.Callee);
                if ((radix is 0 or (>= 2 and <= 36)) && Numbers.TryParseInteger(text.Text, radix, out var parsed))
                    return IntValue.Of(parsed);
                return Numbers.TryParseFloat(text.Text, out var number) ? Truncate(number) ?? fallback : fallback;
            default:
                return Numbers.TryInteger(value, out var integer) ? IntValue.Of(integer) : fallback;
        }
    }

    public static TemplateValue Float(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var fallback = arguments.Bind(0, "default")[0] ?? new FloatValue(0);
        if (value is UndefinedValue undefined)
            throw undefined.Fault(context.Budget);
        if (value is StringValue text)
            return Numbers.TryParseFloat(text.Text, out var parsed) ? new FloatValue(parsed) : fallback;
        return Numbers.TryFloat(value, out var real) ? new FloatValue(real) : fallback;
    }

    public static TemplateValue Round(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "precision", "method");
        var method = bound[1] is null ? "common" : (bound[1] as StringValue)?.Text;
        if (method is not ("common" or "ceil" or "floor"))
            throw TemplateFault.Evaluation("method must be common, ceil or floor");
        if (value is UndefinedValue undefined)
            throw undefined.Fault(context.Budget);
        var precision = bound[0] is null ? 0 : Numbers.RequireInt32(bound[0]!, arguments.Callee);
        if (!Numbers.TryFloat(value, out var real))
            throw TemplateFault.Evaluation($"type {value.TypeName} doesn't define __round__ method");
        if (method == "common")
            return value is FloatValue ? new FloatValue(FloatText.Round(real, precision)) : RoundInteger(value, precision);
        var scale = Math.Pow(10, precision);
        if (!double.IsFinite(real * scale) || scale == 0)
            throw TemplateFault.Evaluation($"a number that cannot be rounded with precision {precision}");
        return new FloatValue((method == "ceil" ? Math.Ceiling(real * scale) : Math.Floor(real * scale)) / scale);
    }

    public static TemplateValue Sum(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "attribute", "start");
        var path = new AttributePath(bound[0]);
        var sum = bound[1] ?? IntValue.Of(0);
        if (sum is StringValue)
            throw TemplateFault.Evaluation("sum() can't sum strings [use ''.join(seq) instead]");
        foreach (var item in value.Iterate(context.Budget))
        {
            context.Budget.Charge(1);
            sum = Arithmetic.Apply(BinaryOperator.Add, sum, path.Follow(item, null, context.Budget), context);
        }
        return sum;
    }

    public static TemplateValue FileSize(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var binary = arguments.Bind(0, "binary")[0]?.IsTruthy ?? false;
        if (Float(context, value, Arguments.None(arguments.Callee)) is not FloatValue { Value: var bytes })
            throw TemplateFault.Evaluation("filesizeformat needs a number");
        double unit = binary ? 1024 : 1000;
        if (bytes == 1)
            return new StringValue("1 Byte");
        if (bytes < unit || !double.IsFinite(bytes))
            return new StringValue($"{Math.Truncate(bytes):0} Bytes");
        var size = bytes / unit;
        var prefix = 0;
        for (; size >= unit && prefix < 7; prefix++)
            size /= unit;
        return new StringValue($"{FloatText.Fixed(size, 1)} {"kMGTPEZY"[prefix]}{(binary ? "iB" : "B")}"
            .Replace("kiB", "KiB", StringComparison.Ordinal));
    }

    private static IntValue? Truncate(double real) =>
        double.IsFinite(real) ? IntValue.Of(new BigInteger(Math.Truncate(real))) : null;

    private static IntValue RoundInteger(TemplateValue value, int precision)
    {
        Numbers.TryInteger(value, out var integer);
        if (precision >= 0)
            return IntValue.Of(integer);
        if (precision < -Numbers.IntegerBitsMax)
            return IntValue.Of(0);
        var unit = BigInteger.Pow(10, -precision);
        var quotient = BigInteger.DivRem(integer, unit, out var remainder);
        var twice = (BigInteger.Abs(remainder) * 2).CompareTo(unit);
        if (twice > 0 || (twice == 0 && !quotient.IsEven))
            quotient += integer.Sign;
        return Numbers.Bounded(quotient * unit);
    }
}
