namespace Fathom.Bpf.Compiler;

/// <summary>A method cannot become a storage function: what it does that eBPF does not have, at its source line.</summary>
public sealed class CompileException : BpfException
{
    /// <param name="method">The method's name.</param>
    /// <param name="file">The source file; empty when the assembly has no symbols.</param>
    /// <param name="line">From 1; 0 when unknown.</param>
    /// <param name="problem">What is not possible.</param>
    public CompileException(string method, string file, int line, string problem)
        : base(file.Length > 0 ? $"{file}({line}): {method}" : method, problem)
    {
        Method = method;
        File = file;
        Line = line;
    }

    /// <summary>The method's name.</summary>
    public string Method { get; }

    /// <summary>The source file; empty when unknown.</summary>
    public string File { get; }

    /// <summary>From 1; 0 when unknown.</summary>
    public int Line { get; }
}
