using System.Runtime.InteropServices;
using Fathom.Bpf.Assembly;
using Fathom.Bpf.Authoring;
using Fathom.Bpf.Compiler;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Verification;
using Fathom.Memory;

// One storage function, written in C#, run in three ways: as eBPF in the interpreter, as eBPF compiled to machine code, and as the
// .NET method that it is. The build has already checked that it compiles and verifies.
const int Blocks = 100;
var journal = MakeJournal();

var program = StorageFunctionCompiler.Compile(JournalSum.Step);
if (Verifier.Verify(program, ProgramType.StorageFunction) is not VerifiedProgram verified)
    return 1;
var interpreter = Interpreter.Create(verified, ProgramBinding.Standard);
var compiled = CompiledProgram.Compile(verified, ProgramBinding.Standard);

Console.WriteLine($"{program.Name}: {program.Instructions.Length} eBPF instructions, of them the first five");
foreach (var line in Disassembler.Disassemble(program).Split('\n').Take(5))
    Console.WriteLine($"  {line}");
Console.WriteLine($"interpreter: {Walk(memory => (int)interpreter.Run(memory, ExecutionLimits.Default).Result)}");
Console.WriteLine($"compiled:    {Walk(memory => (int)compiled.Run(memory, ExecutionLimits.Default).Result)}");
Console.WriteLine($".NET:        {Walk(memory => DirectStep.Run(JournalSum.Step, memory))}");
return 0;

// Fathom.Storage does this with real reads, many chains at a time.
string Walk(Func<ProgramMemory, int> step)
{
    using var context = NativeBuffer.Allocate(Marshal.SizeOf<StepContext>());
    using var block = NativeBuffer.Allocate(JournalSum.BlockBytes);
    using var scratch = NativeBuffer.Allocate(64);
    ref var state = ref context.View.AsSpan<StepContext>()[0];
    ref var query = ref scratch.View.AsSpan<JournalSum.Query>()[0];
    query.Account = 3;
    var next = 0UL;
    while (true)
    {
        state = default;
        journal.AsSpan((int)next, JournalSum.BlockBytes).CopyTo(block.View.AsSpan<byte>());
        if (step(new ProgramMemory(context.View, block.View, scratch.View)) is not 0 and var error)
            return $"error {error}";
        if (state.Done != 0)
            return $"{query.Records} records of account {query.Account}, sum {query.Sum}";
        next = state.Requested(0).Offset;
    }
}

static byte[] MakeJournal()
{
    var bytes = new byte[Blocks * JournalSum.BlockBytes];
    for (var block = 0; block < Blocks; block++)
    {
        var content = bytes.AsSpan(block * JournalSum.BlockBytes, JournalSum.BlockBytes);
        var isLast = block == Blocks - 1;
        MemoryMarshal.Write(content, new JournalSum.Header { Next = isLast ? 0 : (ulong)((block + 1) * JournalSum.BlockBytes), Count = JournalSum.RecordsPerBlock });
        var records = MemoryMarshal.Cast<byte, JournalSum.Record>(content[16..]);
        for (var i = 0; i < JournalSum.RecordsPerBlock; i++)
            records[i] = new JournalSum.Record { Account = (ulong)((block + i) % 7), Amount = block - i };
    }
    return bytes;
}
