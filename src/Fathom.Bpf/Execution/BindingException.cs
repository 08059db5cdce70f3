namespace Fathom.Bpf.Execution;

/// <summary>An engine cannot take a program: it is malformed, or something that it needs is missing.</summary>
/// <param name="program">The program's name.</param>
/// <param name="problem">What is missing or wrong.</param>
public sealed class BindingException(string program, string problem) : BpfException(program, problem);
