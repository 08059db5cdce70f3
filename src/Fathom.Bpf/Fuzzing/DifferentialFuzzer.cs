using System.Globalization;
using Fathom.Bpf.Assembly;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Verification;
using Fathom.Memory;

namespace Fathom.Bpf.Fuzzing;

/// <summary>What a run of the fuzzer saw.</summary>
/// <param name="Programs">Programs made.</param>
/// <param name="Verified">Of these, accepted by the verifier and run without checks by both engines.</param>
/// <param name="Refused">Turned down by the verifier; one in four of the well-formed ones is run with checks by both engines.</param>
/// <param name="Faults">Of the checked runs, those that ended in a fault.</param>
/// <param name="Difference">The first program on which something did not hold, as text with the reason; null for none.</param>
public readonly record struct FuzzReport(long Programs, long Verified, long Refused, long Faults, string? Difference);

/// <summary>
/// Random programs through verifier, interpreter and compiled code: equal results, equal memory, nothing outside of the memory touched.
/// </summary>
/// <remarks>
/// One seed reproduces everything. Data, scratch, context and stack stand between guard pages: a wrong access of the engines ends the
/// process. Owned by one thread.
/// </remarks>
public sealed class DifferentialFuzzer : IDisposable
{
    private const int DataBytesMax = 4096;
    private const int ScratchBytesMax = 4096;
    private const int CheckedOneIn = 4;
    private const int StackBytes = ExecutionLimits.FramesMax * ExecutionLimits.FrameBytes;

    /// <summary>A program with more paths than this through it is refused: time is better spent on the next.</summary>
    private static readonly VerifierLimits VerifierEffort = new() { InstructionsMax = 1500 };

    private static readonly ExecutionLimits Limits = new(FuelMax: 2000, ExecutionLimits.FramesMax);

    private readonly RandomBits _random;
    private readonly ProgramGenerator _generator;
    private readonly GuardedMemory _data = new(DataBytesMax);
    private readonly GuardedMemory _scratch = new(ScratchBytesMax);
    private readonly GuardedMemory _context = new(4096);
    private readonly GuardedMemory _stack = new(StackBytes);
    private long _programs;
    private long _verified;
    private long _refused;
    private long _faults;

    /// <param name="seed">Reproduces the run.</param>
    public DifferentialFuzzer(ulong seed)
    {
        _random = new RandomBits(seed);
        _generator = new ProgramGenerator(_random);
    }

    /// <summary>Makes and runs programs until so many were verified and compared, or one differs.</summary>
    /// <param name="verifiedMin">Verified programs.</param>
    /// <param name="cancellation">Ends the run early.</param>
    public FuzzReport Run(long verifiedMin, CancellationToken cancellation = default)
    {
        string? difference = null;
        while (_verified < verifiedMin && difference is null && !cancellation.IsCancellationRequested)
            difference = RunOne();
        return new FuzzReport(_programs, _verified, _refused, _faults, difference);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _data.Dispose();
        _scratch.Dispose();
        _context.Dispose();
        _stack.Dispose();
    }

    private string? RunOne()
    {
        var (dataBytes, scratchBytes) = (_random.Pick([64, 512, DataBytesMax]), _random.Pick([64, 256, ScratchBytesMax]));
        var program = _generator.Next(dataBytes, scratchBytes);
        if (_random.OneIn(3))
            program = _generator.Mutate(program);
        _programs++;
        Func<Interpreter> interpret;
        Func<CompiledProgram> compile;
        var verified = Verifier.Verify(program, ProgramType.StorageFunction, VerifierEffort) as VerifiedProgram;
        if (verified is not null)
        {
            interpret = () => Interpreter.Create(verified, ProgramBinding.Standard);
            compile = () => CompiledProgram.Compile(verified, ProgramBinding.Standard);
        }
        else
        {
            _refused++;
            // Compiling costs more than all else here: of the refused programs a part is enough.
            if (!_random.OneIn(CheckedOneIn) || InstructionRules.FindViolation(program) is not null)
                return null;
            interpret = () => Interpreter.CreateChecked(program, ProgramBinding.Standard);
            compile = () => CompiledProgram.CompileChecked(program, ProgramBinding.Standard);
        }
        // A function that the host does not have: the verifier takes such a call where no path leads.
        var (interpreter, compiled) = (BoundOrNull(interpret), BoundOrNull(compile));
        if (interpreter is null || compiled is null)
            return interpreter is null && compiled is null ? null : $"only one engine has the functions that it calls\n{Disassembler.Disassemble(program)}";
        _verified += verified is null ? 0 : 1;
        return Compare(program, dataBytes, scratchBytes, interpreter, compiled, mayFault: verified is null);
    }

    private static T? BoundOrNull<T>(Func<T> make)
        where T : class
    {
        try
        {
            return make();
        }
        catch (BindingException)
        {
            return null;
        }
    }

    private string? Compare(BpfProgram program, int dataBytes, int scratchBytes, Interpreter interpreter, CompiledProgram compiled, bool mayFault)
    {
        var atEnd = _random.OneIn(2);
        var memory = new ProgramMemory(_context.View(224, atEnd), _data.View(dataBytes, atEnd), _scratch.View(scratchBytes, atEnd));
        var stack = _stack.View(StackBytes, atEnd: true);
        var content = _random.Next();
        Fill(memory, content);
        var expected = interpreter.Run(memory, Limits, stack);
        var (expectedContext, expectedScratch) = (Copy(memory.Context), Copy(memory.Scratch));
        Fill(memory, content);
        var actual = compiled.Run(memory, Limits, stack);
        string? reason = null;
        if (expected != actual)
            reason = string.Create(CultureInfo.InvariantCulture, $"interpreter: {expected}; compiled: {actual}");
        else if (!mayFault && !expected.IsReturn)
            reason = $"a verified program ended in a fault: {expected}";
        else if (!Copy(memory.Context).AsSpan().SequenceEqual(expectedContext) || !Copy(memory.Scratch).AsSpan().SequenceEqual(expectedScratch))
            reason = "the engines leave different memory behind";
        else if (!_context.IsIntactAround(memory.Context) || !_data.IsIntactAround(memory.Data) || !_scratch.IsIntactAround(memory.Scratch))
            reason = "memory around what the program was given changed";
        if (!expected.IsReturn)
            _faults++;
        Clear(memory);
        return reason is null ? null : $"{reason}\n{Disassembler.Disassemble(program)}";
    }

    private static void Fill(in ProgramMemory memory, ulong content)
    {
        var bits = new RandomBits(content);
        foreach (var view in (ReadOnlySpan<NativeView>)[memory.Context, memory.Data, memory.Scratch])
            foreach (ref var word in view.AsSpan<ulong>())
                word = bits.Next();
    }

    /// <summary>Back to what stands around views, which differ from program to program.</summary>
    private static void Clear(in ProgramMemory memory)
    {
        foreach (var view in (ReadOnlySpan<NativeView>)[memory.Context, memory.Data, memory.Scratch])
            view.AsSpan<byte>().Fill(GuardedMemory.Pattern);
    }

    private static byte[] Copy(NativeView view) => view.AsSpan<byte>().ToArray();
}
