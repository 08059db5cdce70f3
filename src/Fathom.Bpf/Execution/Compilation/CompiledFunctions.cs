namespace Fathom.Bpf.Execution.Compilation;

/// <summary>The functions that compiled code cannot call by their method because they are bound to an object: the first argument of every method.</summary>
internal sealed class CompiledFunctions(HelperFunction[] functions)
{
    /// <summary>Read by emitted code.</summary>
    internal readonly HelperFunction[] Functions = functions;
}
