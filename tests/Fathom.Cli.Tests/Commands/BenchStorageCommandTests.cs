using System.Globalization;
using System.Text.Json;

namespace Fathom.Cli.Tests.Commands;

public class BenchStorageCommandTests
{
    [SkippableFact]
    public async Task BenchStorage_Json_HasEveryMethodAndItsComparison()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "The benchmark runs on Linux only.");
        var folder = Directory.CreateTempSubdirectory("fathom-bench-");
        try
        {
            // All processors: fewer would hold up the tests that run beside this one.
            var run = await FathomRun.Start(
                "bench", "storage", "--folder", folder.FullName, "--file-size", "200KiB", "--depth", "2", "--in-flight", "4", "--cache", "resident",
                "--threads", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture), "--seconds", "0.1", "--repetitions", "1", "--json");
            Assert.Equal(0, run.ExitCode);
            using var report = JsonDocument.Parse(run.Output);
            var rows = report.RootElement.GetProperty("results").EnumerateArray().ToList();
            Assert.Equal(
                ["storage_function", "storage_csharp", "pread", "read_async", "storage_threads"], rows.Select(row => row.GetProperty("method").GetString()));
            Assert.All(rows, row => Assert.True(row.GetProperty("look_ups_per_s").GetDouble() > 0));
            var comparison = Assert.Single(report.RootElement.GetProperty("comparisons").EnumerateArray());
            Assert.True(comparison.GetProperty("cpu_ratio").GetDouble() > 0);
            Assert.True(report.RootElement.TryGetProperty("machine", out _) && report.RootElement.TryGetProperty("commit", out _));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [SkippableFact]
    public async Task BenchStorage_MoreThreadsThanProcessors_IsWrongUsage()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "The benchmark runs on Linux only.");
        var run = await FathomRun.Start("bench", "storage", "--threads", "1000");
        Assert.Equal(2, run.ExitCode);
    }
}
