namespace Fathom.Storage;

/// <summary>The kernel does not take a function: its verifier turned it down, or the caller may not load functions.</summary>
public sealed class FunctionLoadException : StorageException
{
    internal FunctionLoadException(string function, string problem, int errno = 0, string log = "")
        : base($"{function}: {problem}")
    {
        Function = function;
        Errno = errno;
        Log = log;
    }

    /// <summary>The function's name.</summary>
    public string Function { get; }

    /// <summary>The system's error number; 0 when the system was not asked.</summary>
    public int Errno { get; }

    /// <summary>What the kernel's verifier wrote; empty when it wrote nothing.</summary>
    public string Log { get; }
}
