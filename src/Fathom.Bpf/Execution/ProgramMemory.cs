using Fathom.Memory;

namespace Fathom.Bpf.Execution;

/// <summary>The memory that a run is given. It must stay where it is until the run is over; nothing is copied.</summary>
/// <param name="Context">R1 points to its first byte, R2 holds its length; programs may read it and write the fields that their type allows.</param>
/// <param name="Data">Behind the kfunc <c>fathom_data</c>: read-only.</param>
/// <param name="Scratch">Behind the kfunc <c>fathom_scratch</c>: for reading and writing.</param>
public readonly record struct ProgramMemory(NativeView Context, NativeView Data = default, NativeView Scratch = default);
