using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Compiler.Registers;

/// <summary>A method as operations over virtual registers.</summary>
/// <param name="Name">For messages.</param>
/// <param name="Operations">In order; labels are operations.</param>
/// <param name="Parameters">Virtual registers that hold R1 to R5 at the start.</param>
/// <param name="RegisterCount">Virtual registers.</param>
/// <param name="FrameBytes">Stack that structs and locals with an address take, a multiple of 8.</param>
/// <param name="Lines">Source lines that operations refer to.</param>
internal sealed record Subprogram(
    string Name, IReadOnlyList<Operation> Operations, IReadOnlyList<int> Parameters, int RegisterCount, int FrameBytes, IReadOnlyList<SourceLine> Lines);
