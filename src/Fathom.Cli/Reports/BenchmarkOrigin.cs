using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Cli.Reports;

/// <summary>Where a benchmark's figures come from: every result carries its machine and commit.</summary>
internal static class BenchmarkOrigin
{
    /// <summary>Processor, cores, instruction set, memory, system and runtime.</summary>
    public static string Machine { get; } = string.Create(CultureInfo.InvariantCulture,
        $"{ProcessorName()}, {Environment.ProcessorCount} cores, {InstructionSet()}, {MemoryGiB()} GiB, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}");

    /// <summary>The commit this build was made from, as the SDK stamps it into the assembly.</summary>
    public static string Commit { get; } =
        typeof(BenchmarkOrigin).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+') is [_, var hash]
            ? hash
            : "unknown";

    private static string ProcessorName()
    {
        const string Field = "model name";
        const string Path = "/proc/cpuinfo";
        var line = File.Exists(Path) ? File.ReadLines(Path).FirstOrDefault(text => text.StartsWith(Field, StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    private static string InstructionSet() => Avx512BW.IsSupported ? "AVX-512" : Avx2.IsSupported ? "AVX2" : "no AVX2";

    private static long MemoryGiB() => (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes + (1L << 29)) >> 30;
}
