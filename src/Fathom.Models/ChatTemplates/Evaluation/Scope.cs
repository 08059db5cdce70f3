using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Evaluation;

/// <summary>Names of one block. Reads walk outwards; writes stay here, as Jinja's <c>set</c> does.</summary>
/// <remarks>Loop bodies, macros, <c>with</c>, <c>call</c>, <c>filter</c> and block <c>set</c> open a scope; <c>if</c> does not.</remarks>
internal sealed class Scope(Scope? parent)
{
    private Dictionary<string, TemplateValue>? _names;

    public void Set(string name, TemplateValue value) =>
        (_names ??= new Dictionary<string, TemplateValue>(StringComparer.Ordinal))[name] = value;

    public TemplateValue? Find(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Parent)
        {
            if (scope._names is { } names && names.TryGetValue(name, out var value))
                return value;
        }
        return null;
    }

    public Scope? Parent { get; } = parent;

    /// <summary>The scope of the template's top level.</summary>
    public Scope Root
    {
        get
        {
            var scope = this;
            while (scope.Parent is { } outer)
                scope = outer;
            return scope;
        }
    }
}
