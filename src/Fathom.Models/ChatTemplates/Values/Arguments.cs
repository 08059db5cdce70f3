using Fathom.Models.ChatTemplates.Evaluation;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>Arguments of one call, filter or test, in the order written.</summary>
/// <param name="callee">What is called, for messages: <c>replace()</c>, <c>filter 'join'</c>.</param>
/// <param name="positional">By position; for filters and tests without the value they apply to.</param>
/// <param name="keywords">By name.</param>
internal sealed class Arguments(
    string callee, IReadOnlyList<TemplateValue> positional, IReadOnlyList<KeyValuePair<string, TemplateValue>> keywords)
{
    public string Callee { get; } = callee;

    public IReadOnlyList<TemplateValue> Positional { get; } = positional;

    public IReadOnlyList<KeyValuePair<string, TemplateValue>> Keywords { get; } = keywords;

    public static Arguments None(string callee) => new(callee, [], []);

    /// <summary>Assigns the arguments to parameters as Python does; a parameter not given is null.</summary>
    /// <param name="required">How many of the first parameters must be given.</param>
    /// <param name="parameters">All parameters' names.</param>
    public TemplateValue?[] Bind(int required, params ReadOnlySpan<string> parameters)
    {
        var bound = new TemplateValue?[parameters.Length];
        if (Positional.Count > parameters.Length)
            throw TemplateFault.Evaluation(
                $"{Callee} takes at most {parameters.Length} argument(s), {Positional.Count} were given");
        for (var i = 0; i < Positional.Count; i++)
            bound[i] = Positional[i];
        foreach (var (name, value) in Keywords)
        {
            var index = parameters.IndexOf(name);
            if (index < 0)
                throw TemplateFault.Evaluation($"{Callee} got an unexpected keyword argument '{name}'");
            if (bound[index] is not null)
                throw TemplateFault.Evaluation($"{Callee} got multiple values for argument '{name}'");
            bound[index] = value;
        }
        for (var i = 0; i < required; i++)
        {
            if (bound[i] is null)
                throw TemplateFault.Evaluation($"{Callee} misses its argument '{parameters[i]}'");
        }
        return bound;
    }

    /// <summary>Fails when anything was given.</summary>
    public void BindNothing() => Bind(0);

    /// <summary>What remains for the filter or test that <c>map</c> and <c>select</c> name.</summary>
    public Arguments Skip(string callee, int count) => new(callee, [.. Positional.Skip(count)], Keywords);
}
