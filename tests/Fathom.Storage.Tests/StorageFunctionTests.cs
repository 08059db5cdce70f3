using System.Buffers.Binary;
using Fathom.Bpf;
using Fathom.Bpf.Assembly;
using Fathom.Bpf.Maps;
using Fathom.Bpf.Verification;

namespace Fathom.Storage.Tests;

/// <summary>Functions that are eBPF programs: attached verified, run by both engines as methods in C# are.</summary>
public class StorageFunctionTests
{
    /// <summary>As <see cref="Engines.Follow"/>, counting blocks in scratch.</summary>
    private const string Follow = """
            r6 = r1
            r2 = 0
            r3 = 8
            call fathom_data
            if r0 == 0 goto bad
            r7 = *(u64 *)(r0 + 0)
            r1 = r6
            r2 = 0
            r3 = 1
            call fathom_scratch
            if r0 == 0 goto bad
            r1 = *(u8 *)(r0 + 0)
            r1 += 1
            *(u8 *)(r0 + 0) = r1
            if r7 == -1 goto done
            *(u64 *)(r6 + 0) = r7
            r1 = *(u32 *)(r6 + 200)
            *(u32 *)(r6 + 128) = r1
            r0 = 0
            exit
        done:
            r1 = 1
            *(u32 *)(r6 + 216) = r1
            r0 = 0
            exit
        bad:
            r0 = -74
            exit
        """;

    public static TheoryData<EngineKind, ProgramExecution> Ways => new()
    {
        { EngineKind.Threads, ProgramExecution.Compiled }, { EngineKind.Threads, ProgramExecution.Interpreted },
        { EngineKind.Uring, ProgramExecution.Compiled }, { EngineKind.Uring, ProgramExecution.Interpreted },
    };

    [SkippableTheory]
    [MemberData(nameof(Ways))]
    public async Task Program_GivesWhatTheMethodGives(EngineKind kind, ProgramExecution execution)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(1536, -1, 512, 1024, 2560, 2048, 1 << 20, 3, long.MinValue);
        using var file = engine.Open(content.Path);
        var program = Load(Follow, execution);
        Assert.Equal("follow", program.Name);
        for (var start = 0; start < 9; start++)
        {
            var (fromProgram, fromMethod) = (new byte[8], new byte[8]);
            var request = new ChainRequest(file, program, start * 512, 512, fromProgram) { Limits = new() { ReadsMax = 20 } };
            var expected = engine.Run(request with { Function = Engines.Follow, Scratch = fromMethod });
            Assert.Equal(expected, engine.Run(request));
            Assert.Equal(fromMethod, fromProgram);
            Assert.Equal(expected, await engine.RunAsync(request));
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Ways))]
    public void ProgramsError_ReachesTheCaller(EngineKind kind, ProgramExecution execution)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var file = engine.Open(content.Path);
        var result = engine.Run(new ChainRequest(file, Load(Follow, execution), 0, 512, default)); // no scratch: the program says bad
        Assert.Equal(new ChainResult { Status = ChainStatus.FunctionError, Code = -74, Hops = 1, Bytes = 512 }, result);
    }

    [SkippableTheory]
    [MemberData(nameof(Ways))]
    public void Program_SeesOnlyTheBytesThatWereRead(EngineKind kind, ProgramExecution execution)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateRandom(512 + 100, 1);
        using var file = engine.Open(content.Path);
        // Bytes 93 to 100 of a block: there in the first, one too many in the last.
        var probe = Load("""
                r2 = 93
                r3 = 8
                call fathom_data
                if r0 == 0 goto none
                r0 = -1
                exit
            none:
                r0 = -2
                exit
            """, execution);
        Assert.Equal(-1, engine.Run(new ChainRequest(file, probe, 0, 512, default)).Code);
        Assert.Equal(-2, engine.Run(new ChainRequest(file, probe, 512, 512, default)).Code);
    }

    [SkippableTheory]
    [MemberData(nameof(Ways))]
    public void ProgramsMap_IsSharedByItsChainsAndReadByTheCaller(EngineKind kind, ProgramExecution execution)
    {
        using var engine = Engines.Start(kind);
        using var content = TestFile.CreateLinked(-1);
        using var file = engine.Open(content.Path);
        var counter = Load("""
                r6 = r1
                r1 = map_value(0, 0) ll
                r2 = 1
                lock *(u64 *)(r1 + 0) += r2
                *(u32 *)(r6 + 216) = r2
                r0 = 0
                exit
            """, execution, new MapDefinition { Name = "counts", Kind = MapKind.Array, KeyBytes = 4, ValueBytes = 8, EntriesMax = 1 });
        var requests = new ChainRequest[500];
        Array.Fill(requests, new ChainRequest(file, counter, 0, 512, default));
        engine.RunBatch(requests, new ChainResult[500]);
        var counts = Assert.IsType<ArrayMap>(counter.Maps.Find("counts"));
        Assert.Equal(500ul, BinaryPrimitives.ReadUInt64LittleEndian(counts.Value(0)));
    }

    /// <summary>functions/radix_walk.bpf.c as clang built it, over a tree of two-byte keys.</summary>
    [SkippableTheory]
    [MemberData(nameof(Ways))]
    public void FromElf_RadixWalk_FindsEveryKeyAndCountsThem(EngineKind kind, ProgramExecution execution)
    {
        const int NodeBytes = 2048;
        const int RequestBytes = 96; // struct walk
        var tree = new byte[257 * NodeBytes];
        for (var high = 0; high < 256; high += 2) // odd first bytes have no child
        {
            var node = (high + 1) * NodeBytes;
            BinaryPrimitives.WriteInt64LittleEndian(tree.AsSpan(high * 8), node);
            for (var low = 0; low < 256; low++)
                BinaryPrimitives.WriteInt64LittleEndian(tree.AsSpan(node + (low * 8)), 1_000_000 + (high * 256) + low);
        }
        using var engine = Engines.Start(kind);
        using var content = TestFile.Create(tree);
        using var file = engine.Open(content.Path);
        var walk = StorageFunction.FromElf(ObjectPath("radix_walk"), "radix_walk", execution);
        var scratch = new byte[1000 * RequestBytes];
        var requests = new ChainRequest[1000];
        for (var i = 0; i < requests.Length; i++)
        {
            var key = (ulong)(i * 65) % 65536;
            var memory = scratch.AsMemory(i * RequestBytes, RequestBytes);
            BinaryPrimitives.WriteUInt64LittleEndian(memory.Span, key << 48);
            BinaryPrimitives.WriteInt32LittleEndian(memory.Span[24..], 2);
            requests[i] = new ChainRequest(file, walk, (long)(key >> 8) / 64 * 512, 512, memory);
        }
        var results = new ChainResult[requests.Length];
        engine.RunBatch(requests, results);
        var found = 0ul;
        for (var i = 0; i < requests.Length; i++)
        {
            var key = i * 65 % 65536;
            var isThere = key / 256 % 2 == 0;
            Assert.Equal((ChainStatus.Done, isThere ? 2 : 1), (results[i].Status, results[i].Hops));
            var outcome = scratch.AsSpan(i * RequestBytes);
            Assert.Equal(isThere ? 1 : 2, BinaryPrimitives.ReadInt32LittleEndian(outcome[16..]));
            Assert.Equal(isThere ? 1_000_000 + key : 0, BinaryPrimitives.ReadInt64LittleEndian(outcome[8..]));
            found += isThere ? 1ul : 0;
        }
        var totals = Assert.IsType<ArrayMap>(walk.Maps.Maps.Single(map => map.Definition.Name.Contains("bss", StringComparison.Ordinal)));
        Assert.Equal(found, BinaryPrimitives.ReadUInt64LittleEndian(totals.Value(0)));
        // A request that the function refuses is the function's error.
        Assert.Equal(-3, engine.Run(requests[0] with { Scratch = new byte[RequestBytes] }).Code);
    }

    [Fact]
    public void FromElf_OfAProgramThatIsNotThere_IsRefused() =>
        Assert.ThrowsAny<BpfException>(() => StorageFunction.FromElf(ObjectPath("radix_walk"), "walk_of_life"));

    [Fact]
    public void FromProgram_OfAnotherType_IsRefused()
    {
        var packet = (VerifiedProgram)Verifier.Verify(Assembler.Assemble("r0 = 0\nexit"), ProgramType.Packet);
        Assert.Throws<ArgumentException>(() => StorageFunction.FromProgram(packet));
    }

    [Fact]
    public void FromElf_OfAFileThatIsNoObject_IsRefused()
    {
        using var content = TestFile.CreateRandom(4096, 3);
        Assert.ThrowsAny<BpfException>(() => StorageFunction.FromElf(content.Path, "step"));
    }

    private static string ObjectPath(string name)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Fathom.slnx")))
            folder = folder.Parent!;
        return Path.Combine(folder.FullName, "functions", "objects", $"{name}.bpf.o");
    }

    private static StorageFunction Load(string text, ProgramExecution execution, params MapDefinition[] maps)
    {
        var result = Verifier.Verify(Assembler.Assemble(text, "follow", [.. maps]), ProgramType.StorageFunction);
        return StorageFunction.FromProgram(Assert.IsType<VerifiedProgram>(result), execution);
    }
}
