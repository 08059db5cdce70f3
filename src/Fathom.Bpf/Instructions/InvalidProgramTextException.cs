namespace Fathom.Bpf.Instructions;

/// <summary>The text or bytes of a program cannot be read as instructions.</summary>
public sealed class InvalidProgramTextException : BpfException
{
    /// <param name="program">The program's name.</param>
    /// <param name="line">From 1; 0 when the problem is not one line's.</param>
    /// <param name="problem">What is wrong, with the value that was found.</param>
    public InvalidProgramTextException(string program, int line, string problem)
        : base(line > 0 ? $"{program}:{line}" : program, problem) => Line = line;

    /// <summary>From 1; 0 when the problem is not one line's.</summary>
    public int Line { get; }
}
