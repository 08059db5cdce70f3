using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using BenchmarkDotNet.Running;
using Fathom.Microbenchmarks;

// dotnet run -c Release --project bench/Fathom.Microbenchmarks kernels [--filter *Attention*]
// dotnet run -c Release --project bench/Fathom.Microbenchmarks [far-memory|bandwidth] [rounds] [milliseconds a window]
if (args is ["kernels", .. var filters])
{
    BenchmarkSwitcher.FromTypes([typeof(AttentionBenchmark), typeof(ProductBenchmark), typeof(RowBenchmark)])
        .Run(filters.Length > 0 ? filters : ["--filter", "*"]);
    return;
}
var isFarMemory = args is ["far-memory", ..];
var isBandwidth = args is ["bandwidth", ..];
if (isFarMemory || isBandwidth)
    args = args[1..];
var rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 20;
var windowMs = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 30;
var window = TimeSpan.FromMilliseconds(windowMs);
IReadOnlyList<object> rows = isFarMemory
    ? FarMemoryBenchmark.Run(rounds, window, line => Console.Error.WriteLine(line))
    : isBandwidth ? ReadBandwidthBenchmark.Run(rounds, line => Console.Error.WriteLine(line))
    : MatrixProductBenchmark.Run(rounds, window, line => Console.Error.WriteLine(line));
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
