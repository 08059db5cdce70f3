namespace Fathom.Bpf.Execution.Compilation;

/// <summary>A compiled subprogram; the program's own is the first.</summary>
/// <param name="run">The run.</param>
/// <param name="r1">R1; and so on to R5.</param>
/// <param name="r2">R2.</param>
/// <param name="r3">R3.</param>
/// <param name="r4">R4.</param>
/// <param name="r5">R5.</param>
/// <param name="framePointer">R10: the end of this subprogram's frame.</param>
/// <returns>R0; meaningless when the run has a fault.</returns>
internal delegate ulong EntryPoint(ref BpfRun run, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5, ulong framePointer);
