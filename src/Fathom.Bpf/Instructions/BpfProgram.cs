using System.Collections.Immutable;
using Fathom.Bpf.Maps;

namespace Fathom.Bpf.Instructions;

/// <summary>A program as data: its slots, and the maps, kfuncs and source lines that they refer to by index.</summary>
/// <remarks>
/// Immutable. Nothing here has been checked beyond the ranges of <see cref="SubprogramEntries"/>: a program is hostile until the
/// verifier accepted it. Subprograms are parts of the same list of slots, the program's entry first.
/// </remarks>
public sealed class BpfProgram
{
    /// <summary>A program without maps, kfuncs or lines; its subprograms are the targets of its local calls.</summary>
    /// <param name="name">For messages.</param>
    /// <param name="instructions">At least one slot.</param>
    public BpfProgram(string name, ImmutableArray<BpfInstruction> instructions)
        : this(name, instructions, [], [])
    {
    }

    /// <param name="name">For messages.</param>
    /// <param name="instructions">At least one slot.</param>
    /// <param name="maps">What 64-bit immediate loads of kind map and map value index.</param>
    /// <param name="kfuncs">Names that calls of kind kfunc index.</param>
    /// <param name="sourceLines">Sorted by first instruction; may be empty.</param>
    /// <exception cref="ArgumentException">No slot at all.</exception>
    public BpfProgram(
        string name, ImmutableArray<BpfInstruction> instructions, ImmutableArray<MapDefinition> maps, ImmutableArray<string> kfuncs,
        ImmutableArray<SourceLine> sourceLines = default)
    {
        if (instructions.IsDefaultOrEmpty)
            throw new ArgumentException($"{name}: a program has at least one instruction.", nameof(instructions));
        Name = name;
        Instructions = instructions;
        Maps = maps;
        Kfuncs = kfuncs;
        SourceLines = sourceLines.IsDefault ? [] : sourceLines;
        SubprogramEntries = FindEntries(instructions);
    }

    /// <summary>For messages.</summary>
    public string Name { get; }

    /// <summary>The slots; a 64-bit immediate load takes two of them.</summary>
    public ImmutableArray<BpfInstruction> Instructions { get; }

    /// <summary>Slot indexes where subprograms begin, ascending; the first is 0, the program itself. Targets outside of the program are left out.</summary>
    public ImmutableArray<int> SubprogramEntries { get; }

    /// <summary>The maps that the program refers to; globals are array maps of one element.</summary>
    public ImmutableArray<MapDefinition> Maps { get; }

    /// <summary>Names of the kfuncs that the program calls.</summary>
    public ImmutableArray<string> Kfuncs { get; }

    /// <summary>Its licence as the object says; empty when unknown. A kernel lets kfuncs be called by programs under the GPL only.</summary>
    public string License { get; init; } = "";

    /// <summary>Source lines, sorted by first instruction; empty when unknown.</summary>
    public ImmutableArray<SourceLine> SourceLines { get; }

    /// <summary>The slot range of a subprogram.</summary>
    /// <param name="subprogram">Index into <see cref="SubprogramEntries"/>.</param>
    public Range SubprogramRange(int subprogram) =>
        SubprogramEntries[subprogram]..(subprogram + 1 < SubprogramEntries.Length ? SubprogramEntries[subprogram + 1] : Instructions.Length);

    /// <summary>The subprogram that a slot belongs to.</summary>
    public int SubprogramOf(int instruction)
    {
        var found = SubprogramEntries.BinarySearch(instruction);
        return found >= 0 ? found : ~found - 1;
    }

    /// <summary>The source line of a slot; null when unknown.</summary>
    public SourceLine? SourceLineOf(int instruction)
    {
        var (low, high) = (0, SourceLines.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (SourceLines[middle].FirstInstruction <= instruction)
                low = middle + 1;
            else
                high = middle;
        }
        return low == 0 ? null : SourceLines[low - 1];
    }

    /// <summary>Reads slots from bytes.</summary>
    /// <param name="name">For messages.</param>
    /// <param name="bytes">A multiple of 8 bytes, at least 8, little endian.</param>
    /// <exception cref="InvalidProgramTextException">The length is wrong.</exception>
    public static BpfProgram FromBytes(string name, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes.Length % BpfInstruction.SizeBytes != 0)
            throw new InvalidProgramTextException(name, 0, $"{bytes.Length} bytes are no program: slots are {BpfInstruction.SizeBytes} bytes each");
        var instructions = ImmutableArray.CreateBuilder<BpfInstruction>(bytes.Length / BpfInstruction.SizeBytes);
        for (; !bytes.IsEmpty; bytes = bytes[BpfInstruction.SizeBytes..])
            instructions.Add(BpfInstruction.Read(bytes));
        return new BpfProgram(name, instructions.MoveToImmutable());
    }

    /// <summary>The slots as bytes, little endian.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[Instructions.Length * BpfInstruction.SizeBytes];
        for (var i = 0; i < Instructions.Length; i++)
            Instructions[i].Write(bytes.AsSpan(i * BpfInstruction.SizeBytes));
        return bytes;
    }

    private static ImmutableArray<int> FindEntries(ImmutableArray<BpfInstruction> instructions)
    {
        var entries = new SortedSet<int> { 0 };
        for (var i = 0; i < instructions.Length; i++)
        {
            var instruction = instructions[i];
            var refersToCode = instruction.IsLocalCall || (instruction.IsWideImmediate && instruction.Source == (int)WideImmediateKind.Code);
            var target = i + 1 + (long)instruction.Immediate;
            if (refersToCode && target >= 0 && target < instructions.Length)
                entries.Add((int)target);
            if (instruction.IsWideImmediate)
                i++;
        }
        return [.. entries];
    }
}
