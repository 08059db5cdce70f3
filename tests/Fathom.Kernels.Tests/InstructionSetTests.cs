using System.Diagnostics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.Tests;

/// <summary>
/// Runs every test that carries <c>[Trait("Category", InstructionSetTests.Kernel)]</c> again in a process where AVX2 is off.
/// A kernel's tests take part by carrying that trait.
/// </summary>
public class InstructionSetTests
{
    public const string Kernel = "Kernel";

    private const string Switch = "DOTNET_EnableAVX2";

    [Fact]
    public async Task KernelTests_WithoutAvx2_Pass()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { [Switch] = "0" },
        };
        string[] arguments = ["test", typeof(InstructionSetTests).Assembly.Location, "--nologo", "--filter", $"Category={Kernel}"];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        // The outer run's settings must not reach the inner one.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase) || k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);

        using var child = Process.Start(start)!;
        var errors = child.StandardError.ReadToEndAsync();
        var output = await child.StandardOutput.ReadToEndAsync();
        await child.WaitForExitAsync();
        Assert.True(child.ExitCode == 0 && output.Contains("Passed!", StringComparison.Ordinal), output + await errors);
    }

    [Fact]
    [Trait("Category", Kernel)]
    public void Avx2_SwitchedOff_IsOff()
    {
        if (Environment.GetEnvironmentVariable(Switch) == "0")
            Assert.False(Avx2.IsSupported);
    }
}
