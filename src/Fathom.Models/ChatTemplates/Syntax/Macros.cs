using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Syntax;

/// <summary>Parameters and body of a macro or of a <c>call</c> block.</summary>
/// <param name="Name">The macro's name; null for a <c>call</c> block.</param>
/// <param name="Parameters">Names with defaults; those without come first.</param>
/// <param name="Body">What a call renders.</param>
/// <param name="UsesCaller">The body mentions <c>caller</c>, so it may be used in a <c>call</c> block.</param>
/// <param name="UsesVarargs">The body mentions <c>varargs</c>, so surplus arguments are allowed.</param>
/// <param name="UsesKwargs">The body mentions <c>kwargs</c>, so unknown keywords are allowed.</param>
internal sealed record MacroDefinition(
    string? Name, IReadOnlyList<(string Name, Expression? Default)> Parameters, IReadOnlyList<Statement> Body,
    bool UsesCaller, bool UsesVarargs, bool UsesKwargs);

/// <summary><c>macro name(parameters) ... endmacro</c></summary>
internal sealed class DefineMacro(int line, MacroDefinition definition) : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope)
    {
        scope.Set(definition.Name!, new MacroValue(definition, scope));
        return Flow.Normal;
    }
}

/// <summary><c>call(parameters) macro(arguments) ... endcall</c>: the body becomes the macro's <c>caller</c>.</summary>
internal sealed class CallBlock(int line, MacroDefinition caller, Call call) : Statement(line)
{
    public override Flow Execute(RenderContext context, Scope scope)
    {
        var result = call.Invoke(context, scope, new MacroValue(caller, scope));
        context.Write(ValueText.Of(result, context.Budget));
        return Flow.Normal;
    }
}
