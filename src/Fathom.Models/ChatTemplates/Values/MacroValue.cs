using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Syntax;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>A macro with the scope it was defined in; calling it renders its body to a string.</summary>
internal sealed class MacroValue(MacroDefinition definition, Scope closure) : TemplateValue
{
    private const string CallerName = "caller";

    public string? Name => definition.Name;

    public override string TypeName => "Macro";

    public override string ObjectDescription => "jinja2.runtime.Macro object";

    public override bool IsCallable => true;

    public override TemplateValue? FindAttribute(string name) => name switch
    {
        "name" => definition.Name is null ? NoneValue.Instance : new StringValue(definition.Name),
        "arguments" => new TupleValue([.. definition.Parameters.Select(parameter => new StringValue(parameter.Name))]),
        "catch_kwargs" => BoolValue.Of(definition.UsesKwargs),
        "catch_varargs" => BoolValue.Of(definition.UsesVarargs),
        CallerName => BoolValue.Of(definition.UsesCaller),
        _ => null,
    };

    public override TemplateValue Call(RenderContext context, Arguments arguments)
    {
        var scope = new Scope(closure);
        var keywords = new List<KeyValuePair<string, TemplateValue>>(arguments.Keywords);
        context.Budget.EnterCall();
        BindParameters(arguments, keywords, context, scope);
        BindSpecials(arguments, keywords, context, scope);
        var text = Block.Capture(definition.Body, context, scope, out _);
        context.Budget.LeaveCall();
        return text;
    }

    private void BindParameters(
        Arguments arguments, List<KeyValuePair<string, TemplateValue>> keywords, RenderContext context, Scope scope)
    {
        // Keywords are matched to the parameters that positions left over, before any default is evaluated.
        var given = new TemplateValue?[definition.Parameters.Count];
        for (var i = 0; i < given.Length; i++)
            given[i] = i < arguments.Positional.Count ? arguments.Positional[i] : Take(keywords, definition.Parameters[i].Name);
        for (var i = 0; i < given.Length; i++)
        {
            var (name, fallback) = definition.Parameters[i];
            scope.Set(name, given[i] ?? fallback?.Evaluate(context, scope)
                ?? UndefinedValue.Because($"parameter '{name}' was not provided"));
        }
    }

    private void BindSpecials(
        Arguments arguments, List<KeyValuePair<string, TemplateValue>> keywords, RenderContext context, Scope scope)
    {
        if (definition.UsesCaller && !definition.Parameters.Any(parameter => parameter.Name == CallerName))
            scope.Set(CallerName, Take(keywords, CallerName) ?? UndefinedValue.Because("No caller defined"));
        var name = definition.Name is null ? "None" : $"'{definition.Name}'";
        if (definition.UsesKwargs)
        {
            var rest = context.NewDict();
            foreach (var (key, value) in keywords)
                rest.Set(new StringValue(key), value, context.Budget);
            scope.Set("kwargs", rest);
        }
        else if (keywords.Count > 0)
        {
            throw TemplateFault.Evaluation(keywords.Exists(keyword => keyword.Key == CallerName)
                ? $"macro {name} was invoked with two values for the special caller argument. This is most likely a bug."
                : $"macro {name} takes no keyword argument '{keywords[0].Key}'");
        }
        if (definition.UsesVarargs)
            scope.Set("varargs", new TupleValue([.. arguments.Positional.Skip(definition.Parameters.Count)]));
        else if (arguments.Positional.Count > definition.Parameters.Count)
            throw TemplateFault.Evaluation($"macro {name} takes not more than {definition.Parameters.Count} argument(s)");
    }

    private static TemplateValue? Take(List<KeyValuePair<string, TemplateValue>> keywords, string name)
    {
        var index = keywords.FindIndex(keyword => keyword.Key == name);
        if (index < 0)
            return null;
        var value = keywords[index].Value;
        keywords.RemoveAt(index);
        return value;
    }
}
