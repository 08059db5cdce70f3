using Fathom.Models.ChatTemplates.Evaluation;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>A global function: <c>range</c>, <c>raise_exception</c>, ...</summary>
internal sealed class FunctionValue(string name, Func<RenderContext, Arguments, TemplateValue> body) : TemplateValue
{
    public string Name { get; } = name;

    public override string TypeName => "function";

    public override bool IsCallable => true;

    public override TemplateValue Call(RenderContext context, Arguments arguments) => body(context, arguments);
}

/// <summary>A method looked up on a value: <c>text.strip</c>.</summary>
internal sealed class BoundMethodValue<TSelf>(TSelf self, string name, Func<TSelf, RenderContext, Arguments, TemplateValue> body)
    : TemplateValue
    where TSelf : TemplateValue
{
    public override string TypeName => "builtin_function_or_method";

    public override bool IsCallable => true;

    public override TemplateValue Call(RenderContext context, Arguments arguments) =>
        body(self, context, new Arguments(name + "()", arguments.Positional, arguments.Keywords));
}
