using Fathom.Cli.CommandLine;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Fathom.Cli.Commands.Memory;

/// <summary>Options that several far memory commands share.</summary>
internal static class MemorySettings
{
    public static readonly Setting<int> Nodes = Settings.Integer("--nodes", "Memory nodes to start.", 7, 1, 64);

    public static readonly Setting<TransportKind> Transport = Settings.Choice(
        "--transport", "How spans travel.", TransportKind.Tcp, ("tcp", TransportKind.Tcp), ("unix", TransportKind.Unix), ("shm", TransportKind.SharedMemory));

    public static readonly Setting<long?> Capacity = Settings.Bytes("--capacity", "Memory that a node registers at most.", "1GiB");

    public static readonly Setting<long?> RegionSize = Settings.Bytes("--region-size", "Size of a region, 16MiB to 1GiB.", "64MiB");

    public static readonly Setting<double> LeaseSeconds = Settings.Number("--lease-seconds", "S", "A compute process silent for so long loses its regions.", 5, 0.1, 86_400);

    public static readonly Setting<LogLevel> LogLevelSetting = Settings.Choice(
        "--log-level", "What is logged on standard error.", LogLevel.Warning,
        ("debug", LogLevel.Debug), ("information", LogLevel.Information), ("warning", LogLevel.Warning), ("error", LogLevel.Error), ("none", LogLevel.None));

    public static readonly Setting<(RedundancyScheme Scheme, CompactionMode Compaction)> Scheme = Settings.Choice(
        "--scheme", "How spans are kept safe.", (RedundancyScheme.ErasureBatch, CompactionMode.Remote),
        ("ec-remote", (RedundancyScheme.ErasureBatch, CompactionMode.Remote)),
        ("ec-local", (RedundancyScheme.ErasureBatch, CompactionMode.Local)),
        ("ec-split", (RedundancyScheme.ErasureSplit, CompactionMode.Off)),
        ("replication3", (RedundancyScheme.ReplicationThree, CompactionMode.Off)),
        ("replication2", (RedundancyScheme.ReplicationTwo, CompactionMode.Off)),
        ("none", (RedundancyScheme.None, CompactionMode.Off)));

    public static string NameOf((RedundancyScheme Scheme, CompactionMode Compaction) scheme) => scheme switch
    {
        (RedundancyScheme.ErasureBatch, CompactionMode.Remote) => "ec-remote",
        (RedundancyScheme.ErasureBatch, CompactionMode.Local) => "ec-local",
        (RedundancyScheme.ErasureBatch, _) => "ec-off",
        (RedundancyScheme.ErasureSplit, _) => "ec-split",
        (RedundancyScheme.ReplicationThree, _) => "replication3",
        (RedundancyScheme.ReplicationTwo, _) => "replication2",
        _ => "none",
    };

    /// <summary>Options of a pool for a benchmark.</summary>
    /// <param name="scheme">How spans are kept safe.</param>
    /// <param name="compaction">Who carries compactions, if there are any.</param>
    /// <param name="compactions">Compactions at a time; 0 for none.</param>
    public static FarPoolOptions OptionsOf(RedundancyScheme scheme, CompactionMode compaction, int compactions) => new()
    {
        Scheme = scheme,
        Compaction = compactions == 0 ? CompactionMode.Off : compaction,
        CompactionsMax = Math.Max(1, compactions),
    };

    /// <summary>The endpoint that an option names.</summary>
    /// <exception cref="UsageException">Not an address.</exception>
    public static NodeEndpoint ParseEndpoint(string option, string text)
    {
        try
        {
            return NodeEndpoint.Parse(text);
        }
        catch (FormatException failure)
        {
            throw new UsageException($"{option}: {failure.Message}");
        }
    }

    public static ILoggerFactory CreateLoggers(LogLevel level) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(level)
        .AddSimpleConsole(console => console.SingleLine = true)
        .Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace));

    /// <summary>Waits for SIGTERM or Ctrl-C.</summary>
    public static async Task WaitForStop(CancellationToken cancellation)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellation.UnsafeRegister(_ => stopped.TrySetResult(), null);
        await stopped.Task;
    }

    /// <summary>True on SIGTERM or Ctrl-C, false when whoever holds the other end of standard input is gone.</summary>
    public static async Task<bool> StoppedBeforeInputEnded(CancellationToken cancellation)
    {
        using var input = Console.OpenStandardInput();
        var buffer = new byte[64];
        var ended = Task.Run(async () =>
        {
            while (await input.ReadAsync(buffer, CancellationToken.None) > 0)
            {
                // what is said there means nothing
            }
        }, CancellationToken.None);
        return await Task.WhenAny(ended, WaitForStop(cancellation)) != ended;
    }
}
