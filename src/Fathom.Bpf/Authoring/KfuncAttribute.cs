namespace Fathom.Bpf.Authoring;

/// <summary>
/// Marks a method that the compiler turns into a call of a kfunc: the context, an offset, and the size of the method's type argument.
/// Run as .NET code, the method's own body stands in for the kfunc.
/// </summary>
/// <param name="name">The kfunc's name.</param>
[AttributeUsage(AttributeTargets.Method, Inherited = false)]
public sealed class KfuncAttribute(string name) : Attribute
{
    /// <summary>The kfunc's name.</summary>
    public string Name { get; } = name;
}
