using Mono.Cecil;

namespace Fathom.Bpf.Compiler.Lowering;

/// <summary>The methods and kfuncs that one storage function reaches, in the order in which they were met; the function itself is the first.</summary>
internal sealed class CompilationUnit
{
    private const int MethodsMax = 256;

    private readonly List<MethodDefinition> _methods = [];
    private readonly List<string> _kfuncs = [];

    /// <summary>Grows while methods are lowered.</summary>
    public IReadOnlyList<MethodDefinition> Methods => _methods;

    public IReadOnlyList<string> Kfuncs => _kfuncs;

    /// <summary>The index of a method; -1 when there are too many.</summary>
    public int IndexOf(MethodDefinition method)
    {
        var index = _methods.IndexOf(method);
        if (index >= 0)
            return index;
        if (_methods.Count == MethodsMax)
            return -1;
        _methods.Add(method);
        return _methods.Count - 1;
    }

    public int IndexOfKfunc(string name)
    {
        var index = _kfuncs.IndexOf(name);
        if (index >= 0)
            return index;
        _kfuncs.Add(name);
        return _kfuncs.Count - 1;
    }
}
