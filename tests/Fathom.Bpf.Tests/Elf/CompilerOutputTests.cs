using Fathom.Bpf.Elf;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Maps;
using Fathom.Bpf.Verification;

namespace Fathom.Bpf.Tests.Elf;

/// <summary>Objects that compilers wrote (tests/data/bpf): opened, linked, verified.</summary>
public class CompilerOutputTests
{
    private static string Folder => Path.Combine(TreeFiles.Root, "tests", "data", "bpf");

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder, "*.o").Select(path => Path.GetFileName(path)).Where(name => !name.StartsWith("core", StringComparison.Ordinal)).Order()];

    [Theory]
    [MemberData(nameof(Names))]
    public void Verify_CompiledProgram_Accepts(string name)
    {
        var file = BpfObject.Open(Path.Combine(Folder, name));
        foreach (var program in file.Programs)
        {
            var result = Verifier.Verify(program.Program, ProgramType.OfSection(program.Section)!);
            Assert.True(result is VerifiedProgram, $"{result}\n{(result as Rejection)?.RegisterState}");
        }
    }

    [Fact]
    public void Open_PacketFilter_HasItsMapsAndGlobals()
    {
        var file = BpfObject.Open(Path.Combine(Folder, "packet_filter.clang19.v3.o"));
        var flows = file.Maps.Single(map => map.Name == "flows");
        Assert.Equal((MapKind.Hash, 16, 16, 1024), (flows.Kind, flows.KeyBytes, flows.ValueBytes, flows.EntriesMax));
        Assert.Equal(MapKind.PerCpuArray, file.Maps.Single(map => map.Name == "protocols").Kind);
        Assert.Equal(65536, file.Maps.Single(map => map.Name == "events").EntriesMax);
        Assert.Equal((byte)23, file.Maps.Single(map => map.Name == ".rodata").InitialValue[0]);
        Assert.Equal(8, file.Maps.Single(map => map.Name == ".bss").ValueBytes);
        Assert.Equal(2, file.FindProgram("packet_filter").SubprogramEntries.Length);
    }

    [Fact]
    public void Open_WithTheRealContext_FitsFieldsSizesAndExistence()
    {
        var path = Path.Combine(Folder, "core_fields.clang19.v3.o");
        var program = BpfObject.Open(path, ProgramType.StorageFunction.Context.ToTypes()).FindProgram("core_fields");
        Assert.Equal(0, program.Instructions[0].Immediate);
        Assert.Equal(128 + (2 * 4), program.Instructions[5].Offset);
        Assert.Equal(8, program.Instructions[6].Immediate);
        Assert.Equal(224, program.Instructions[7].Immediate);
        Assert.Equal(216, program.Instructions[9].Offset);
        Assert.Equal(200, program.Instructions[10].Offset);
        Assert.Equal(192, program.Instructions[11].Offset);
        // What the real context lacks is a call that nobody has; the branch around it is always taken.
        Assert.Equal(Opcodes.Call, program.Instructions[2].Opcode);
        Assert.IsType<VerifiedProgram>(Verifier.Verify(program, ProgramType.StorageFunction));
    }
}
