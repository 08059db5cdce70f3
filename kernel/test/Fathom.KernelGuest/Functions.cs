using Fathom.Bpf.Assembly;
using Fathom.Bpf.Elf;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Verification;
using Fathom.Storage;
using Fathom.Storage.Kernel;

namespace Fathom.KernelGuest;

/// <summary>Functions of the cases: the objects of the tree, and small ones in assembly.</summary>
internal static class Functions
{
    private const string Objects = "/app/objects";

    /// <summary>Goes to the offset in the first 8 bytes of a block, of the size in the next 4 (512 for 0); -1 ends. Counts blocks in the first 8 bytes of scratch.</summary>
    public const string FollowText = """
        r6 = r1
        w2 = 0
        w3 = 16
        call fathom_data
        if r0 == 0 goto bad
        r7 = *(u64 *)(r0 + 0)
        r8 = *(u32 *)(r0 + 8)
        if r8 != 0 goto sized
        r8 = 512
        sized: r1 = r6
        w2 = 0
        w3 = 8
        call fathom_scratch
        if r0 == 0 goto next
        r1 = *(u64 *)(r0 + 0)
        r1 += 1
        *(u64 *)(r0 + 0) = r1
        next: if r7 == -1 goto done
        *(u64 *)(r6 + 0) = r7
        *(u32 *)(r6 + 128) = r8
        r0 = 0
        exit
        done: r1 = 1
        *(u32 *)(r6 + 216) = r1
        r0 = 0
        exit
        bad: r0 = -7
        exit
        """;

    /// <summary>Asks at first for the 16 blocks of 4096 bytes behind the first; adds the first byte of each to scratch, times its place in the order of steps.</summary>
    public static string FanOutText { get; } = """
        r6 = r1
        w2 = 0
        w3 = 8
        call fathom_data
        if r0 == 0 goto bad
        r7 = *(u8 *)(r0 + 0)
        r1 = r6
        w2 = 0
        w3 = 8
        call fathom_scratch
        if r0 == 0 goto bad
        r1 = *(u32 *)(r6 + 208)
        r1 *= r7
        r2 = *(u64 *)(r0 + 0)
        r2 += r1
        *(u64 *)(r0 + 0) = r2
        r1 = *(u32 *)(r6 + 208)
        if r1 != 0 goto rest
        """ + "\n" + string.Join('\n', Enumerable.Range(0, 16).Select(i =>
            $"r1 = {(i + 1) * 4096}\n*(u64 *)(r6 + {i * 8}) = r1\nr1 = 4096\n*(u32 *)(r6 + {128 + (i * 4)}) = r1")) + "\n" + """
        r0 = 0
        exit
        rest: r1 = *(u32 *)(r6 + 212)
        if r1 != 0 goto wait
        r1 = 1
        *(u32 *)(r6 + 216) = r1
        wait: r0 = 0
        exit
        bad: r0 = -7
        exit
        """;

    /// <summary>Asks for 15 blocks and ends with the first of them, the others on their way.</summary>
    public static string FirstOfManyText { get; } =
        "r2 = *(u32 *)(r1 + 208)\nif r2 != 0 goto done\n" +
        string.Join('\n', Enumerable.Range(0, 15).Select(i => $"r2 = {(i + 1) * 4096}\n*(u64 *)(r1 + {i * 8}) = r2\nr2 = 4096\n*(u32 *)(r1 + {128 + (i * 4)}) = r2")) +
        "\nr0 = 0\nexit\ndone: r2 = 1\n*(u32 *)(r1 + 216) = r2\nr0 = 0\nexit";

    public static BpfProgram Assemble(string text, string name)
    {
        var program = Assembler.Assemble(text, name);
        return new BpfProgram(name, program.Instructions, program.Maps, program.Kfuncs) { License = "GPL" };
    }

    public static StorageFunction Verified(string text, string name) =>
        StorageFunction.FromProgram((VerifiedProgram)Verifier.Verify(Assemble(text, name), ProgramType.StorageFunction), ProgramExecution.Interpreted);

    public static StorageFunction FromObject(string name) => StorageFunction.FromElf($"{Objects}/{name}.bpf.o", name);

    public static BpfProgram ProgramOf(string name) => BpfObject.Open($"{Objects}/{name}.bpf.o").FindProgram(name);

    public static ModuleTypes Types() => ModuleTypes.TryFind(out var refusal) ?? throw new InvalidOperationException(refusal);

    public static KernelFunction Load(string text, string name)
    {
        using var types = Types();
        return KernelFunction.Load(Assemble(text, name), types);
    }

    public static KernelFunction LoadFollow() => Load(FollowText, "follow");
}
