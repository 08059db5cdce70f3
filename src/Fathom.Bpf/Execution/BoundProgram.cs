using System.Collections.Immutable;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Maps;
using Fathom.Bpf.Verification;
using Fathom.Memory;

namespace Fathom.Bpf.Execution;

/// <summary>A program with everything that it refers to resolved: what both engines start from.</summary>
/// <remarks>Immutable; keeps the binding, and with it the maps, reachable.</remarks>
internal sealed unsafe class BoundProgram
{
    private readonly ImmutableArray<int> _mapIndexes;
    private readonly HelperFunction?[] _functions;
    private readonly MemoryRegion[] _mapRegions;

    /// <param name="program">Well-formed, or it is turned down.</param>
    /// <param name="binding">Maps and helpers.</param>
    /// <param name="isChecked">The program is not verified: every access is checked when it happens, and unknown functions are faults.</param>
    /// <exception cref="BindingException">A slot is no instruction, or a map or (of a verified program) a function is missing.</exception>
    public BoundProgram(BpfProgram program, ProgramBinding binding, bool isChecked)
    {
        if (!BitConverter.IsLittleEndian)
            throw new BindingException(program.Name, "programs run on little-endian machines only");
        if (InstructionRules.FindViolation(program) is { } violation)
            throw new BindingException(program.Name, $"instruction {violation.Instruction}: {violation.Reason}");
        Program = program;
        Binding = binding;
        IsChecked = isChecked;
        _mapIndexes = binding.MapIndexes(program);
        _mapRegions = [.. _mapIndexes.Select(index => binding.Maps.Maps[index]).Select(Region)];
        _functions = ResolveFunctions();
        CheckMapValues();
    }

    /// <summary>A verified program, to be run unchecked.</summary>
    /// <exception cref="BindingException">Its type is one that can only be verified, or a map or function is missing.</exception>
    public static BoundProgram Verified(VerifiedProgram program, ProgramBinding binding) => program.Type.IsRunnable
        ? new BoundProgram(program.Program, binding, isChecked: false)
        : throw new BindingException(program.Program.Name, $"programs of type {program.Type.Name} can be verified here, not run: the kernel rewrites their context");

    public BpfProgram Program { get; }

    public ProgramBinding Binding { get; }

    public bool IsChecked { get; }

    /// <summary>The function that a call slot of kind helper or kfunc calls; null for one that does not exist (checked programs only).</summary>
    public HelperFunction? FunctionAt(int slot) => _functions[slot];

    /// <summary>The helper that a call by register names; null for none.</summary>
    public HelperFunction? HelperBy(ulong number) => number <= int.MaxValue ? Binding.Helpers.Helper((int)number) : null;

    /// <summary>What a 64-bit immediate load puts into its register: constant, map handle, address of a map value, or slot of a subprogram.</summary>
    public ulong WideValueAt(int slot)
    {
        var (low, high) = (Program.Instructions[slot], Program.Instructions[slot + 1]);
        return (WideImmediateKind)low.Source switch
        {
            WideImmediateKind.Map => MapSet.HandleOf(_mapIndexes[low.Immediate]),
            WideImmediateKind.MapValue => (ulong)MapAt(low.Immediate).ValueMemory.Pointer + (uint)high.Immediate,
            WideImmediateKind.Code => (ulong)(slot + 1 + low.Immediate),
            _ => (uint)low.Immediate | ((ulong)(uint)high.Immediate << 32),
        };
    }

    /// <summary>Starts a run: everything of it but its registers.</summary>
    /// <param name="run">Zeroed; filled in place, because this is most of what a short run costs.</param>
    /// <param name="memory">The caller's.</param>
    /// <param name="limits">Fuel and frames.</param>
    /// <param name="stack">The frames of the run.</param>
    public void Begin(ref BpfRun run, scoped in ProgramMemory memory, scoped in ExecutionLimits limits, NativeView stack)
    {
        run.ContextStart = memory.Context.Pointer;
        run.ContextBytes = checked((uint)memory.Context.Length);
        run.DataStart = memory.Data.Pointer;
        run.DataBytes = checked((uint)memory.Data.Length);
        run.ScratchStart = memory.Scratch.Pointer;
        run.ScratchBytes = checked((uint)memory.Scratch.Length);
        run.Fuel = limits.FuelMax;
        run.FramesLeft = Math.Clamp(limits.CallDepthMax, 1, ExecutionLimits.FramesMax) - 1;
        run.Binding = Binding;
        if (!IsChecked)
            return;
        run.IsChecked = true;
        run.Regions = RegionsOf(memory, stack);
    }

    /// <summary>How the run ended.</summary>
    public static RunOutcome End(in BpfRun run, ulong result) =>
        run.Fault == RunFault.None ? new RunOutcome(result, RunFault.None, -1, 0) : new RunOutcome(0, run.Fault, run.FaultInstruction, run.FaultAddress);

    private MemoryRegion[] RegionsOf(in ProgramMemory memory, NativeView stack)
    {
        stack.AsSpan<byte>().Clear();
        return [Region(stack, true), Region(memory.Context, true), Region(memory.Data, false), Region(memory.Scratch, true), .. _mapRegions];
    }

    private static MemoryRegion Region(NativeView view, bool isWritable) => new((ulong)view.Pointer, (ulong)view.Length, isWritable);

    private static MemoryRegion Region(BpfMap map) => Region(map.ValueMemory, !map.Definition.ReadOnly);

    private BpfMap MapAt(int index) => Binding.Maps.Maps[_mapIndexes[index]];

    private HelperFunction?[] ResolveFunctions()
    {
        var functions = new HelperFunction?[Program.Instructions.Length];
        var starts = InstructionRules.InstructionStarts(Program.Instructions);
        for (var slot = 0; slot < functions.Length; slot++)
        {
            var instruction = Program.Instructions[slot];
            if (!starts[slot] || instruction.Opcode != Opcodes.Call || instruction.IsLocalCall)
                continue;
            var isKfunc = instruction.Source == (int)CallKind.Kfunc;
            functions[slot] = isKfunc ? Binding.Helpers.Kfunc(Program.Kfuncs[instruction.Immediate]) : Binding.Helpers.Helper(instruction.Immediate);
            if (functions[slot] is null && !IsChecked)
                throw new BindingException(Program.Name, $"instruction {slot}: {(isKfunc ? $"kfunc {Program.Kfuncs[instruction.Immediate]}" : $"helper {instruction.Immediate}")} has no implementation here");
        }
        return functions;
    }

    private void CheckMapValues()
    {
        for (var slot = 0; slot < Program.Instructions.Length; slot++)
        {
            var instruction = Program.Instructions[slot];
            if (!instruction.IsWideImmediate)
                continue;
            if (instruction.Source == (int)WideImmediateKind.MapValue && MapAt(instruction.Immediate) is not ArrayMap)
                throw new BindingException(Program.Name, $"instruction {slot}: map {MapAt(instruction.Immediate).Definition.Name} is no array, its values have no fixed address");
            slot++;
        }
    }
}
