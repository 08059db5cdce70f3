using System.Buffers.Binary;
using Fathom.Bpf.Assembly;
using Fathom.Bpf.Verification;
using Fathom.Cli.CommandLine;
using Fathom.Storage;

namespace Fathom.Cli.Commands.Bench.LookUps;

/// <summary>The look-up as a storage function. Scratch: key (u64), then the value that was found (u64).</summary>
internal static class LookUpFunction
{
    public const int ScratchBytes = 16;

    /// <summary>One step of <see cref="LookUpIndex.TrySearch"/> in eBPF.</summary>
    private const string Program = """
            r6 = r1
            r2 = 0
            r3 = 512
            call fathom_data
            if r0 == 0 goto corrupt
            r7 = r0
            r1 = r6
            r2 = 0
            r3 = 16
            call fathom_scratch
            if r0 == 0 goto corrupt
            r8 = *(u64 *)(r0 + 0)
            r9 = r0
            r4 = *(u32 *)(r7 + 0)
            if r4 > 31 goto corrupt
            r3 = *(u32 *)(r7 + 4)
            r5 = 0
        search:
            if r5 >= r4 goto found
            r1 = r5
            r1 <<= 3
            r2 = r7
            r2 += r1
            r1 = *(u64 *)(r2 + 8)
            if r1 > r8 goto found
            r5 += 1
            goto search
        found:
            if r5 == 0 goto missing
            if r5 > 31 goto corrupt
            r5 <<= 3
            r7 += r5
            r2 = *(u64 *)(r7 + 248)
            if r3 == 0 goto leaf
            *(u64 *)(r6 + 0) = r2
            r1 = 512
            *(u32 *)(r6 + 128) = r1
            r0 = 0
            exit
        leaf:
            *(u64 *)(r9 + 8) = r2
            r1 = 1
            *(u32 *)(r6 + 216) = r1
            r0 = 0
            exit
        missing:
            r0 = -2
            exit
        corrupt:
            r0 = -74
            exit
        """;

    /// <summary>The function as a verified program, compiled to IL.</summary>
    public static StorageFunction Compile() => Verifier.Verify(Assembler.Assemble(Program, "look_up"), ProgramType.StorageFunction) switch
    {
        VerifiedProgram verified => StorageFunction.FromProgram(verified),
        var other => throw new CommandException(other.ToString()!),
    };

    /// <summary>The function as a method.</summary>
    public static StorageFunction InCSharp() => StorageFunction.FromDelegate(static (ref context, data, scratch) =>
    {
        if (!LookUpIndex.TrySearch(data, BinaryPrimitives.ReadUInt64LittleEndian(scratch), out var child, out var isLeaf))
            return -74;
        if (isLeaf)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(scratch[8..], child);
            context.Done = 1;
        }
        else
        {
            context.Read(0, child, LookUpIndex.BlockBytes);
        }
        return 0;
    }, "look_up");
}
