using Fathom.Bpf.Execution;

namespace Fathom.Storage;

/// <summary>A program stopped in the middle: it gave a helper something that the helper does not take.</summary>
/// <remarks>Reaches callers as the exception of a <see cref="ChainResult"/>.</remarks>
public sealed class FunctionFaultException : StorageException
{
    internal FunctionFaultException(string function, RunOutcome outcome)
        : base($"{function}: {outcome}")
    {
        Function = function;
        Outcome = outcome;
    }

    /// <summary>The function's name.</summary>
    public string Function { get; }

    /// <summary>Where and why it stopped.</summary>
    public RunOutcome Outcome { get; }
}
