namespace Fathom.Bpf.Instructions;

/// <summary>Where a run of instructions comes from: it begins at <paramref name="FirstInstruction"/> and ends where the next line begins.</summary>
/// <param name="FirstInstruction">Slot index.</param>
/// <param name="File">As the compiler wrote it.</param>
/// <param name="Line">From 1.</param>
/// <param name="Text">The line itself; empty when the compiler did not keep it.</param>
public readonly record struct SourceLine(int FirstInstruction, string File, int Line, string Text);
