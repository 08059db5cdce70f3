using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using BenchmarkDotNet.Running;
using Fathom.Microbenchmarks;

// dotnet run -c Release --project bench/Fathom.Microbenchmarks kernels [--filter *Attention*]
// dotnet run -c Release --project bench/Fathom.Microbenchmarks far-memory|bandwidth [rounds] [milliseconds a window]
if (args is ["kernels", .. var filters])
{
    BenchmarkSwitcher.FromTypes([typeof(AttentionBenchmark), typeof(ProductBenchmark), typeof(RowBenchmark)])
        .Run(filters.Length > 0 ? filters : ["--filter", "*"]);
    return;
}
if (args is not [("far-memory" or "bandwidth") and var what, .. var numbers])
{
    Console.Error.WriteLine("kernels, far-memory or bandwidth: which?");
    Environment.ExitCode = 2;
    return;
}
var rounds = numbers.Length > 0 ? int.Parse(numbers[0], CultureInfo.InvariantCulture) : 20;
var windowMs = numbers.Length > 1 ? int.Parse(numbers[1], CultureInfo.InvariantCulture) : 30;
IReadOnlyList<object> rows = what == "far-memory"
    ? FarMemoryBenchmark.Run(rounds, TimeSpan.FromMilliseconds(windowMs), line => Console.Error.WriteLine(line))
    : ReadBandwidthBenchmark.Run(rounds, line => Console.Error.WriteLine(line));
Console.WriteLine(JsonSerializer.Serialize(
    new
    {
        machine = $"{MachineName()}, {Environment.ProcessorCount} cores",
        commit = Commit(),
        method = $"minimum wall time over {rounds} windows of {windowMs} ms, all cases interleaved",
        rows,
    },
    new JsonSerializerOptions { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower }));

static string MachineName()
{
    const string file = "/proc/cpuinfo";
    var model = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
    return model?.Split(':')[1].Trim() ?? "unknown processor";
}

static string Commit()
{
    using var git = Process.Start(new ProcessStartInfo("git", "rev-parse --short HEAD") { RedirectStandardOutput = true });
    return git?.StandardOutput.ReadToEnd().Trim() ?? "unknown";
}
