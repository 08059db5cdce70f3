using System.Diagnostics;
using System.Text.Json;
using Fathom.Cli.Commands.Memory;
using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Cli.Tests.Commands.Memory;

/// <summary>Far memory on real processes: each is killed, paused or cut off as the operating system does it.</summary>
[Collection(nameof(AloneOnTheMachine))]
public sealed class MemoryProcessTests : IDisposable
{
    private readonly CancellationTokenSource _patience = new(TimeSpan.FromSeconds(100));

    public void Dispose() => _patience.Dispose();

    [Fact]
    public async Task NodeKilled_Idle_ThenDuringSwapIns_EveryReadIsRight()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(20);
        far.Nodes.Nodes[1].Kill();
        far.Model.VerifyAll();
        using var reading = new CancellationTokenSource();
        var slowest = TimeSpan.Zero;
        var reads = 0;
        var underWay = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reader = Task.Run(() =>
        {
            while (!reading.IsCancellationRequested)
            {
                if (++reads == 100)
                    underWay.SetResult();
                var start = Stopwatch.GetTimestamp();
                Assert.Equal(ReadStatus.Read, far.Model.Read(far.Model.Spans[Random(far.Model.Spans.Count)]));
                slowest = Stopwatch.GetElapsedTime(start) is var time && time > slowest ? time : slowest;
            }
        });
        await underWay.Task.WaitAsync(_patience.Token);
        far.Nodes.Nodes[4].Kill();
        await far.UntilAsync(counters => counters is { FragmentsRebuilt: > 0, RebuildBacklog: 0, SpansBelowFullRedundancy: 0 } || counters.DegradedReads > 200);
        await reading.CancelAsync();
        await reader;
        Assert.True(far.Pool.Counters.DegradedReads > 0);
        Assert.InRange(slowest.TotalSeconds, 0, 2); // 100 ms on a machine that does nothing else
    }

    [Fact]
    public async Task NodeKilled_AfterSomeOfSixWrites_AcknowledgedIsKept()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(2);
        var underWay = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var killer = Task.Run(async () =>
        {
            await underWay.Task;
            far.Nodes.Nodes[3].Kill();
        });
        for (var i = 0; i < 60; i++)
        {
            if (i == 10)
                underWay.SetResult();
            await far.Model.WriteSetAsync();
        }
        await killer;
        far.Model.VerifyAll();
    }

    [Fact]
    public async Task NodePaused_WritesGoElsewhere_AndLateOnesHarmNothing()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(10);
        far.Nodes.Nodes[0].Pause();
        try
        {
            for (var i = 0; i < 10; i++)
                await far.Model.WriteSetAsync(); // what was sent to the paused node waits in its socket
            far.Model.VerifyAll();
        }
        finally
        {
            far.Nodes.Nodes[0].Resume();
        }
        await far.Model.WriteSetsAsync(10);
        far.Model.VerifyAll();
    }

    [Fact]
    public async Task NodeRestarted_EmptyOnItsAddress_IsNotTrusted()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(10);
        far.Nodes.Nodes[2].Kill();
        await far.Nodes.RestartAsync(2, _patience.Token);
        far.Model.VerifyAll();
        await far.UntilWholeAsync();
        far.Model.VerifyAll();
    }

    [Fact]
    public async Task Connections_CutInsideFrames_AreMadeAgain()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        for (var i = 0; i < 12; i++)
        {
            await far.Model.WriteSetAsync();
            NodeFaults.CutConnections(far.Nodes.Nodes[i % 7].Endpoint);
        }
        far.Model.VerifyAll();
    }

    [Fact]
    public async Task Node_Terminated_DrainsUnderReads_ThenEndsWell()
    {
        await using var far = await ProcessCluster.StartAsync(7, _patience.Token);
        await far.Model.WriteSetsAsync(20);
        far.Nodes.Nodes[5].Terminate();
        while (!far.Nodes.Nodes[5].HasExited)
        {
            far.Model.VerifyAll();
            _patience.Token.ThrowIfCancellationRequested();
        }
        Assert.Equal(0, far.Nodes.Nodes[5].ExitCode);
        far.Model.VerifyAll();
    }

    [Fact]
    public async Task Manager_KilledDownAndBack_SwapsGoOn_NoRegionIsAllottedTwice()
    {
        using var nodes = await NodeCluster.StartAsync(7, TransportKind.Unix, 256 << 20, _patience.Token);
        var state = Path.Combine(nodes.Folder, "regions");
        string[] manager =
        [
            "memory", "manager", "--listen", $"unix:{nodes.Folder}/manager.sock", "--state", state, "--region-size", "16MiB",
            "--node-addresses", string.Join(',', nodes.Nodes.Select(node => node.Endpoint)),
        ];
        var first = await NodeProcess.StartAsync(manager, _patience.Token);
        await using var pool = HostedFarPool.Open(new FarPoolOptions(), first.Endpoint, NullLogger.Instance);
        using var model = new SpanModel(pool);
        await model.WriteSetsAsync(5);
        first.Dispose(); // SIGKILL
        await model.WriteSetsAsync(20);
        model.VerifyAll();
        using var second = await NodeProcess.StartAsync(manager, _patience.Token);
        await using var other = HostedFarPool.Open(new FarPoolOptions(), second.Endpoint, NullLogger.Instance);
        using var others = new SpanModel(other);
        await others.WriteSetsAsync(5);
        await model.WriteSetsAsync(400); // more than the regions in hand take
        model.VerifyAll();
        var journal = await File.ReadAllLinesAsync(state);
        var allotted = journal.Select(line => line.Split(' ')).Where(words => words[1] == "region").Select(words => words[2]).ToList();
        Assert.Equal(allotted.Count, allotted.Distinct().Count());
    }

    [Fact]
    public async Task Compute_Killed_ItsRegionsAreTakenBackAfterTheLease()
    {
        using var folder = new TemporaryFolder();
        using var up = FathomProcess.Start("memory", "up", "--nodes", "6", "--transport", "unix", "--listen", $"unix:{folder.Path}/up.sock", "--capacity", "128MiB", "--region-size", "16MiB", "--lease-seconds", "0.5");
        try
        {
            var announcement = await up.StandardOutput.ReadLineAsync(_patience.Token);
            await LineAsync(up, line => line.Contains("node 6 up", StringComparison.Ordinal));
            Assert.StartsWith("6 memory nodes, region directory on unix:", announcement, StringComparison.Ordinal);
            using (var compute = FathomProcess.Start("memory", "bench", "--directory", announcement!.Split(' ')[^1], "--objects", "8000", "--local-memory", "25%", "--seconds", "60", "--threads", "1"))
            {
                await LineAsync(up, line => line.Contains("node 6 up", StringComparison.Ordinal) && !line.Contains("regions 0", StringComparison.Ordinal));
                compute.Kill();
                await compute.WaitForExitAsync(_patience.Token);
            }
            await LineAsync(up, line => line.Contains("node 6 up", StringComparison.Ordinal) && line.Contains("regions 0", StringComparison.Ordinal));
            using var stop = Process.Start("kill", ["-TERM", up.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await up.WaitForExitAsync(_patience.Token);
            Assert.Equal(0, up.ExitCode);
        }
        finally
        {
            if (!up.HasExited)
                up.Kill();
        }
    }

    [Fact]
    public async Task Compute_PausedBeyondItsLease_IsRefusedWhenItComesBack()
    {
        using var folder = new TemporaryFolder();
        using var up = FathomProcess.Start("memory", "up", "--nodes", "6", "--transport", "unix", "--listen", $"unix:{folder.Path}/up.sock", "--capacity", "128MiB", "--region-size", "16MiB", "--lease-seconds", "0.5");
        try
        {
            var announcement = await up.StandardOutput.ReadLineAsync(_patience.Token);
            await LineAsync(up, line => line.Contains("node 6 up", StringComparison.Ordinal));
            await using var bystander = HostedFarPool.Open(new FarPoolOptions(), NodeEndpoint.Parse(announcement!.Split(' ')[^1]), NullLogger.Instance);
            using var compute = FathomProcess.Start("memory", "bench", "--directory", announcement!.Split(' ')[^1], "--objects", "8000", "--local-memory", "25%", "--seconds", "5", "--threads", "1");
            await LineAsync(up, line => line.Contains("node 6 up", StringComparison.Ordinal) && !line.Contains("regions 0", StringComparison.Ordinal));
            await Signal(compute, "STOP");
            await LineAsync(up, line => line.Contains("node 6 up", StringComparison.Ordinal) && line.Contains("regions 0", StringComparison.Ordinal));
            using var model = new SpanModel(bystander);
            await model.WriteSetsAsync(10);
            await Signal(compute, "CONT");
            await compute.WaitForExitAsync(_patience.Token);
            Assert.NotEqual(0, compute.ExitCode);
            model.VerifyAll();
        }
        finally
        {
            up.Kill();
        }
    }

    [Theory]
    [InlineData("tcp")]
    [InlineData("shm")]
    public async Task Chaos_Short_LosesNothing_AndAThirdLossIsNamedExactly(string transport)
    {
        var run = await FathomRun.Start(
            "memory", "chaos", "--seconds", "2", "--seed", "11", "--transport", transport, "--threads", "2", "--spans", "100", "--lose-three", "--json", "--log-level", "error");
        Assert.True(run.ExitCode == 0, run.Error);
        using var report = JsonDocument.Parse(run.Output);
        Assert.Equal(0, report.RootElement.GetProperty("lost").GetInt64());
        Assert.Equal(0, report.RootElement.GetProperty("wrong").GetInt64());
        Assert.True(report.RootElement.GetProperty("verified").GetInt64() > 100);
        Assert.True(report.RootElement.GetProperty("details").GetProperty("loss").GetProperty("is_exact").GetBoolean(), run.Output);
    }

    [Fact]
    public async Task Bench_Tiny_HasTheKeysOfItsContract()
    {
        var run = await FathomRun.Start(
            "memory", "bench", "--transport", "unix", "--objects", "4000", "--seconds", "1", "--threads", "1", "--shaped", "--capacity", "128MiB", "--region-size", "16MiB", "--json");
        Assert.True(run.ExitCode == 0, run.Error);
        using var report = JsonDocument.Parse(run.Output);
        foreach (var key in new[] { "operations_per_s", "p50_us", "p99_us", "far_bytes_over_live" })
            Assert.True(report.RootElement.GetProperty(key).GetDouble() > 0, key);
        Assert.True(report.RootElement.GetProperty("emulated").GetBoolean());
        Assert.NotEmpty(report.RootElement.GetProperty("machine").GetString()!);
    }

    [Theory]
    [InlineData("--scheme: 'none' does not survive two losses", "chaos", "--scheme", "none")]
    [InlineData("--nodes: '6' must be at least 7", "chaos", "--nodes", "6")]
    [InlineData("--local-memory: '0%' must be a percentage", "bench", "--local-memory", "0%")]
    [InlineData("--listen: 'nowhere' is not an address", "manager", "--listen", "nowhere", "--node-addresses", "127.0.0.1:1")]
    public async Task WrongUsage_IsNamed(string message, params string[] arguments)
    {
        var run = await FathomRun.Start(["memory", .. arguments]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
    }

    private static async Task Signal(Process process, string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    private async Task LineAsync(Process process, Func<string, bool> isWanted)
    {
        while (await process.StandardOutput.ReadLineAsync(_patience.Token) is { } line)
        {
            if (isWanted(line))
                return;
        }
        Assert.Fail("The process ended before it said so.");
    }

    private static int Random(int below) => System.Security.Cryptography.RandomNumberGenerator.GetInt32(below);

    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("fathom-memory").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
