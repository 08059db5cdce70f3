using System.Diagnostics;
using Fathom.Bpf.Elf;
using Fathom.Bpf.Verification;

namespace Fathom.Bpf.Tests.Elf;

public class StorageFunctionObjectTests
{
    public static TheoryData<string> Names => [.. Directory.GetFiles(TreeFiles.Functions, "*.bpf.c").Select(path => Path.GetFileNameWithoutExtension(path)).Order()];

    [Theory]
    [MemberData(nameof(Names))]
    public void Object_OfEachSource_IsVerified(string name)
    {
        var file = BpfObject.Open(Path.Combine(TreeFiles.Objects, $"{name}.o"));
        var program = Assert.Single(file.Programs);
        Assert.Same(ProgramType.StorageFunction, ProgramType.OfSection(program.Section));
        var result = Verifier.Verify(program.Program, ProgramType.StorageFunction);
        Assert.True(result is VerifiedProgram, result.ToString());
    }

    [Fact]
    public void Open_KvGet_HasProgramTypesLicenseAndLines()
    {
        var file = BpfObject.Open(Path.Combine(TreeFiles.Objects, "kv_get_u64.bpf.o"));
        var program = file.FindProgram("kv_get_u64");
        Assert.Equal("GPL", file.License);
        Assert.Equal(["fathom_data", "fathom_scratch"], program.Kfuncs.Order());
        Assert.Equal("./kv_get_u64.bpf.c", program.SourceLineOf(0)?.File);
        var context = file.Types!.Find(Btf.BtfKind.Struct, "fathom_context");
        Assert.Equal(224, file.Types.SizeOf(context));
    }

    [Fact]
    public void Open_LsmPage_LinksItsSubprograms()
    {
        var program = BpfObject.Open(Path.Combine(TreeFiles.Objects, "lsm_page.bpf.o")).FindProgram("lsm_page");
        Assert.Equal(3, program.SubprogramEntries.Length);
    }

    [Fact]
    public void Open_RadixWalk_HasGlobalsAsMaps()
    {
        var file = BpfObject.Open(Path.Combine(TreeFiles.Objects, "radix_walk.bpf.o"));
        Assert.Contains(file.Maps, map => map.Name == ".bss" && !map.ReadOnly && map.ValueBytes == 8);
        Assert.Contains(file.Maps, map => map.Name.StartsWith(".rodata", StringComparison.Ordinal) && map.ReadOnly && map.InitialValue[0] == 56);
    }

    [SkippableFact]
    public void Build_WithThePinnedCompiler_GivesTheSameBytes()
    {
        var wanted = File.ReadAllText(Path.Combine(TreeFiles.Functions, "compiler-version")).Trim();
        Skip.IfNot(TryRun("clang-19", ["--version"], out var version) && TryRun("llvm-strip-19", ["--version"], out _), "clang-19 and llvm-strip-19 are not installed");
        Skip.IfNot(version.Contains($"clang version {wanted}", StringComparison.Ordinal), $"clang-19 is not version {wanted}: {version.Split('\n')[0]}");
        var output = Directory.CreateTempSubdirectory("fathom-functions-");
        try
        {
            Assert.True(TryRun(Path.Combine(TreeFiles.Functions, "build"), [output.FullName], out var text), text);
            foreach (var built in output.GetFiles("*.o"))
                Assert.True(File.ReadAllBytes(built.FullName).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(TreeFiles.Objects, built.Name))), $"{built.Name} differs");
            Assert.Equal(Directory.GetFiles(TreeFiles.Objects, "*.o").Length, output.GetFiles("*.o").Length);
        }
        finally
        {
            output.Delete(recursive: true);
        }
    }

    private static bool TryRun(string program, string[] arguments, out string output)
    {
        output = "";
        try
        {
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            output = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // Not installed.
            return false;
        }
    }
}
