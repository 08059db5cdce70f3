namespace Fathom.Bpf.Execution;

/// <summary>The code behind a helper or kfunc.</summary>
/// <param name="run">The run that calls; memory arguments are read through it.</param>
/// <param name="r1">First argument.</param>
/// <param name="r2">Second argument.</param>
/// <param name="r3">Third argument.</param>
/// <param name="r4">Fourth argument.</param>
/// <param name="r5">Fifth argument.</param>
/// <returns>R0.</returns>
public delegate ulong HelperFunction(ref BpfRun run, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5);
