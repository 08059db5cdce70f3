using System.Numerics;
using Fathom.Models.ChatTemplates.Methods;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Evaluation;

/// <summary>The outermost scope: Jinja's and Transformers' functions, then the variables handed in.</summary>
internal static class GlobalScope
{
    // The bound of Jinja's sandbox.
    private const int RangeMax = 100_000;

    public static Scope Create(RenderContext context, ChatTemplateInput input)
    {
        var functions = new Scope(null);
        functions.Set("range", new FunctionValue("range", Range));
        functions.Set("dict", new FunctionValue("dict", Dict));
        functions.Set("namespace", new FunctionValue("namespace", Namespace));
        functions.Set("cycler", new FunctionValue("cycler", Cycler));
        functions.Set("joiner", new FunctionValue("joiner", Joiner));
        functions.Set("raise_exception", new FunctionValue("raise_exception", Raise));
        functions.Set("strftime_now", new FunctionValue("strftime_now", FormatNow));

        var conversion = new ValueConversion(context);
        if (input.Messages is not null)
            functions.Set("messages", conversion.FromJson(input.Messages));
        if (input.Tools is not null)
            functions.Set("tools", conversion.FromJson(input.Tools));
        if (input.AddGenerationPrompt is { } addPrompt)
            functions.Set("add_generation_prompt", BoolValue.Of(addPrompt));
        if (input.BeginOfSequence is not null)
            functions.Set("bos_token", new StringValue(input.BeginOfSequence));
        if (input.EndOfSequence is not null)
            functions.Set("eos_token", new StringValue(input.EndOfSequence));
        foreach (var (name, value) in input.Variables)
            functions.Set(name, conversion.FromClr(value));
        return functions;
    }

    private static RangeValue Range(RenderContext context, Arguments arguments)
    {
        var bounds = new List<BigInteger>();
        foreach (var argument in arguments.Positional)
        {
            if (argument is UndefinedValue undefined)
                throw undefined.Fault(context.Budget);
            bounds.Add(Numbers.TryInteger(argument, out var bound) ? bound
                : throw TemplateFault.Evaluation($"'{argument.TypeName}' object cannot be interpreted as an integer"));
        }
        if (bounds.Count is 0 or > 3 || arguments.Keywords.Count > 0)
            throw TemplateFault.Evaluation($"range expected 1 to 3 arguments, got {bounds.Count}");
        var (start, stop, step) = bounds.Count switch
        {
            1 => (BigInteger.Zero, bounds[0], BigInteger.One),
            2 => (bounds[0], bounds[1], BigInteger.One),
            _ => (bounds[0], bounds[1], bounds[2]),
        };
        if (step.IsZero)
            throw TemplateFault.Evaluation("range() arg 3 must not be zero");
        var span = step.Sign > 0 ? stop - start : start - stop;
        var count = span.Sign <= 0 ? BigInteger.Zero : ((span - 1) / BigInteger.Abs(step)) + 1;
        if (count > RangeMax)
            throw TemplateFault.Limit($"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({RangeMax}).");
        return new RangeValue(start, step, (int)count);
    }

    private static DictValue Dict(RenderContext context, Arguments arguments)
    {
        var dict = context.NewDict();
        DictMethods.Fill(dict, arguments, context.Budget);
        return dict;
    }

    private static NamespaceValue Namespace(RenderContext context, Arguments arguments) =>
        new(Dict(context, arguments));

    private static CyclerValue Cycler(RenderContext context, Arguments arguments) => arguments.Positional.Count > 0
        ? new CyclerValue(arguments.Positional)
        : throw TemplateFault.Evaluation("at least one item has to be provided");

    private static JoinerValue Joiner(RenderContext context, Arguments arguments) =>
        new(arguments.Bind(0, "sep")[0] ?? new StringValue(", "));

    private static TemplateValue Raise(RenderContext context, Arguments arguments) =>
        throw new TemplateFault(ChatTemplateErrorKind.Raised,
            ValueText.Of(arguments.Bind(1, "message")[0]!, context.Budget));

    private static StringValue FormatNow(RenderContext context, Arguments arguments)
    {
        var format = StringMethods.RequireText(arguments.Bind(1, "format")[0], arguments.Callee);
        return context.NewString(TimeFormat.Format(context.Clock.GetLocalNow(), format.Text, context.Budget));
    }
}
