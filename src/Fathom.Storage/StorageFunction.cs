using Fathom.Bpf.Elf;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Maps;
using Fathom.Bpf.Verification;
using Fathom.Memory;

namespace Fathom.Storage;

/// <summary>One step of a chain, in C#: looks at a block that was read and asks for the next ones, or ends the chain.</summary>
/// <param name="context">The read that completed; next reads and <see cref="StorageContext.Done"/> are set here.</param>
/// <param name="data">The bytes that were read, no more; gone when the step returns.</param>
/// <param name="scratch">The chain's own memory: arguments, state and results.</param>
/// <returns>0, or a negative error that ends the chain and reaches the caller as <see cref="ChainResult.Code"/>.</returns>
/// <remarks>Runs on the thread that completes reads: it must not block, and it bounds its own loops.</remarks>
public delegate int StorageStep(ref StorageContext context, ReadOnlySpan<byte> data, Span<byte> scratch);

/// <summary>How a program's instructions are run.</summary>
public enum ProgramExecution
{
    /// <summary>Compiled to .NET IL when it is attached.</summary>
    Compiled,

    /// <summary>By the interpreter: the reference, and the way where no code can be made.</summary>
    Interpreted,
}

/// <summary>A function that engines run when a read completes: a verified eBPF program, or a method in C#.</summary>
/// <remarks>
/// Immutable; any number of chains on any threads may run it at the same time. A program is verified when it is attached,
/// here, and never when it runs. Its maps are shared by its chains and live as long as anything refers to the function.
/// </remarks>
public sealed unsafe class StorageFunction
{
    private readonly StorageStep? _step;
    private readonly CompiledProgram? _compiled;
    private readonly Interpreter? _interpreter;
    private readonly ExecutionLimits _limits;

    private StorageFunction(string name, StorageStep step)
    {
        Name = name;
        Maps = MapSet.Empty;
        _step = step;
    }

    private StorageFunction(VerifiedProgram program, ProgramExecution execution)
    {
        Program = program.Program;
        Name = program.Program.Name;
        Maps = MapSet.Create(program.Program);
        var binding = new ProgramBinding { Maps = Maps };
        if (execution == ProgramExecution.Compiled)
            _compiled = CompiledProgram.Compile(program, binding);
        else
            _interpreter = Interpreter.Create(program, binding);
        // No run jumps back more often than the verifier walked: the fuel never runs out unless the verifier was wrong.
        _limits = ExecutionLimits.Default with { FuelMax = long.Max(ExecutionLimits.Default.FuelMax, program.Effort.InstructionsProcessed) };
    }

    /// <summary>The function's name, for messages.</summary>
    public string Name { get; }

    /// <summary>The program's maps in user space, none for a method in C#; in the kernel the function has maps of its own.</summary>
    public MapSet Maps { get; }

    /// <summary>The program, which a kernel can take too; null for a method in C#.</summary>
    internal BpfProgram? Program { get; }

    /// <summary>A function written in C#. It is trusted: nothing verifies it.</summary>
    /// <param name="step">The step; must be safe to run on several threads at once.</param>
    /// <param name="name">Name for messages; the method's own when left out.</param>
    public static StorageFunction FromDelegate(StorageStep step, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(step);
        return new StorageFunction(name ?? step.Method.Name, step);
    }

    /// <summary>A program that was verified as a storage function.</summary>
    /// <param name="program">Verified for <see cref="ProgramType.StorageFunction"/>.</param>
    /// <param name="execution">How it runs; the results are the same.</param>
    /// <exception cref="ArgumentException">It was verified as something else.</exception>
    public static StorageFunction FromProgram(VerifiedProgram program, ProgramExecution execution = ProgramExecution.Compiled)
    {
        ArgumentNullException.ThrowIfNull(program);
        if (program.Type != ProgramType.StorageFunction)
            throw new ArgumentException($"{program.Program.Name} was verified as a {program.Type.Name} program, not as a storage function.", nameof(program));
        return new StorageFunction(program, execution);
    }

    /// <summary>A program from an object file of clang's; it is verified here.</summary>
    /// <param name="path">The object file.</param>
    /// <param name="name">The program's name in C.</param>
    /// <param name="execution">How it runs; the results are the same.</param>
    /// <exception cref="FunctionRejectedException">The verifier turned it down.</exception>
    /// <exception cref="Bpf.BpfException">The file is no such object, or has no such program.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static StorageFunction FromElf(string path, string name, ProgramExecution execution = ProgramExecution.Compiled)
    {
        var program = BpfObject.Open(path).FindProgram(name);
        var result = Verifier.Verify(program, ProgramType.StorageFunction);
        return result is VerifiedProgram verified
            ? new StorageFunction(verified, execution)
            : throw new FunctionRejectedException(path, (Rejection)result);
    }

    /// <summary>Runs one step.</summary>
    /// <param name="context">Filled by the chain.</param>
    /// <param name="data">Start of the block; stays as it is during the step.</param>
    /// <param name="dataBytes">Bytes of it that were read.</param>
    /// <param name="scratch">The chain's scratch.</param>
    internal int Step(ref StorageContext context, byte* data, int dataBytes, Span<byte> scratch)
    {
        if (_step is { } step)
            return step(ref context, new ReadOnlySpan<byte>(data, dataBytes), scratch);
        // SAFETY: context and scratch are pinned for the run; programs cannot keep addresses beyond it, the verifier saw to that.
        fixed (StorageContext* pinnedContext = &context)
        fixed (byte* pinnedScratch = scratch)
        {
            var memory = new ProgramMemory(
                new NativeView((byte*)pinnedContext, StorageContext.SizeBytes), new NativeView(data, dataBytes), new NativeView(pinnedScratch, scratch.Length));
            var outcome = _compiled is { } compiled ? compiled.Run(memory, _limits) : _interpreter!.Run(memory, _limits);
            return outcome.IsReturn ? unchecked((int)outcome.Result) : throw new FunctionFaultException(Name, outcome);
        }
    }
}
