using System.CommandLine;
using System.Globalization;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory.Hosting;
using Spectre.Console;

namespace Fathom.Cli.Commands.Memory;

/// <summary>`fathom memory up`: memory nodes as child processes and a region directory over them, until Ctrl-C.</summary>
internal static class UpCommand
{
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(500);
    private static readonly Setting<string?> Listen = Settings.Text("--listen", "ADDR", "Where the region directory listens for compute processes.", "127.0.0.1:7000");

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "up", "Starts a local cluster of memory nodes and shows it.", "fathom memory up --nodes 7 --transport shm --capacity 1GiB",
        [
            MemorySettings.Nodes.Option, MemorySettings.Transport.Option, MemorySettings.Capacity.Option, MemorySettings.RegionSize.Option,
            Listen.Option, MemorySettings.LeaseSeconds.Option, MemorySettings.LogLevelSetting.Option,
        ],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var parsed = invocation.Options;
        var listen = MemorySettings.ParseEndpoint(Listen.Name, Listen.Read(parsed)!);
        using var loggers = MemorySettings.CreateLoggers(MemorySettings.LogLevelSetting.Read(parsed));
        using var cluster = await NodeCluster.StartAsync(
            MemorySettings.Nodes.Read(parsed), MemorySettings.Transport.Read(parsed), MemorySettings.Capacity.Read(parsed) ?? 1L << 30, cancellation);
        var options = new RegionDirectoryOptions
        {
            Nodes = [.. cluster.Nodes.Select(node => node.Endpoint)],
            LeaseTime = TimeSpan.FromSeconds(MemorySettings.LeaseSeconds.Read(parsed)),
            RegionBytes = MemorySettings.RegionSize.Read(parsed) ?? 64L << 20,
        };
        var logger = loggers.CreateLogger("memory");
        await using var directory = RegionDirectory.Start(options, logger);
        using var server = DirectoryServer.Start(listen, directory, logger);
        var output = invocation.Terminal.Output;
        await output.WriteLineAsync($"{cluster.Nodes.Count} memory nodes, region directory on {server.Endpoint}");
        await output.FlushAsync(CancellationToken.None);
        if (Console.IsOutputRedirected)
            await ReportChanges(output, directory, cancellation);
        else
            await ShowTable(directory, cluster, cancellation);
    }

    private static async Task ShowTable(RegionDirectory directory, NodeCluster cluster, CancellationToken cancellation)
    {
        await AnsiConsole.Live(Draw(directory, cluster)).StartAsync(async live =>
        {
            using var tick = new PeriodicTimer(Refresh);
            while (await TickAsync(tick, cancellation))
                live.UpdateTarget(Draw(directory, cluster));
        });
    }

    private static async Task ReportChanges(TextWriter output, RegionDirectory directory, CancellationToken cancellation)
    {
        var before = new Dictionary<int, string>();
        using var tick = new PeriodicTimer(Refresh);
        do
        {
            foreach (var node in directory.Report())
            {
                var line = string.Create(CultureInfo.InvariantCulture,
                    $"node {node.Id} {node.State} {node.Endpoint} regions {node.Regions} used {ByteSize.Format(node.UsedBytes)} of {ByteSize.Format(node.CapacityBytes)}");
                if (before.GetValueOrDefault(node.Id) == line)
                    continue;
                before[node.Id] = line;
                await output.WriteLineAsync(line);
                await output.FlushAsync(CancellationToken.None);
            }
        }
        while (await TickAsync(tick, cancellation));
    }

    private static Table Draw(RegionDirectory directory, NodeCluster cluster)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("node", "process", "state", "address", "regions", "used", "capacity");
        foreach (var node in directory.Report())
        {
            var color = node.State switch { "up" => "green", "draining" => "yellow", "down" => "red", _ => "grey" };
            table.AddRow(
                node.Id.ToString(CultureInfo.InvariantCulture), cluster.Nodes[node.Id - 1].Id.ToString(CultureInfo.InvariantCulture), $"[{color}]{node.State}[/]",
                Markup.Escape(node.Endpoint.ToString()), node.Regions.ToString(CultureInfo.InvariantCulture),
                ByteSize.Format(node.UsedBytes), ByteSize.Format(node.CapacityBytes));
        }
        var pools = directory.PoolReports();
        table.Caption(pools.Count == 0
            ? "no compute process"
            : string.Join("; ", pools.Select(pool => string.Create(CultureInfo.InvariantCulture,
                $"compute {pool.Owner}: {ByteSize.Format(pool.LiveBytes)} live in {pool.SpanSets} span sets, {pool.RebuildBacklog} fragments to rebuild"))));
        return table;
    }

    private static async Task<bool> TickAsync(PeriodicTimer tick, CancellationToken cancellation)
    {
        try
        {
            return await tick.WaitForNextTickAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            return false; // Ctrl-C or SIGTERM: the way this command ends
        }
    }
}
