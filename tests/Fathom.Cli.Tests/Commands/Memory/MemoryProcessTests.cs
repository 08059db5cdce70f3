using System.Diagnostics;
using System.Text.Json;
using Fathom.Cli.Commands.Memory;
using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Transports;
using Fathom.Memory;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Cli.Tests.Commands.Memory;

/// <summary>Far memory on real processes: each is killed, paused or cut off as the operating system does it.</summary>
public sealed class MemoryProcessTests : IDisposable
{
    private const int SpanBytes = 8192;
    private static readonly TimeSpan OperationTime = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _patience = new(TimeSpan.FromSeconds(100));
    private readonly NativeBuffer _bytes = NativeBuffer.Allocate(4 * SpanBytes);
    private readonly List<(SpanId Id, byte Fill)> _spans = [];

    public void Dispose()
    {
        _patience.Dispose();
        _bytes.Dispose();
    }

    [Fact]
    public async Task NodeKilled_Idle_ThenDuringSwapIns_EveryReadIsRight()
    {
        await using var far = await Cluster.StartAsync(_patience.Token);
        await WriteSets(far.Pool, 20);
        far.Nodes.Nodes[1].Kill();
        VerifyAll(far.Pool);
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
                Verify(far.Pool, _spans[Random(_spans.Count)]);
                slowest = Stopwatch.GetElapsedTime(start) is var time && time > slowest ? time : slowest;
            }
        });
        await underWay.Task.WaitAsync(_patience.Token);
        far.Nodes.Nodes[4].Kill();
        await Until(() => far.Pool.Counters is { FragmentsRebuilt: > 0, RebuildBacklog: 0, SpansBelowFullRedundancy: 0 } || far.Pool.Counters.DegradedReads > 200);
        await reading.CancelAsync();
        await reader;
        Assert.True(far.Pool.Counters.DegradedReads > 0);
        Assert.InRange(slowest.TotalSeconds, 0, 2); // 100 ms on a machine that does nothing else
    }

    [Fact]
    public async Task NodeKilled_AfterSomeOfSixWrites_AcknowledgedIsKept()
    {
        await using var far = await Cluster.StartAsync(_patience.Token);
        await WriteSets(far.Pool, 2);
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
            await WriteSet(far.Pool);
        }
        await killer;
        VerifyAll(far.Pool);
    }

    [Fact]
    public async Task NodePaused_WritesGoElsewhere_AndLateOnesHarmNothing()
    {
        await using var far = await Cluster.StartAsync(_patience.Token);
        await WriteSets(far.Pool, 10);
        far.Nodes.Nodes[0].Pause();
        try
        {
            for (var i = 0; i < 10; i++)
                await WriteSet(far.Pool); // what was sent to the paused node waits in its socket
            VerifyAll(far.Pool);
        }
        finally
        {
            far.Nodes.Nodes[0].Resume();
        }
        await WriteSets(far.Pool, 10);
        VerifyAll(far.Pool);
    }

    [Fact]
    public async Task NodeRestarted_EmptyOnItsAddress_IsNotTrusted()
    {
        await using var far = await Cluster.StartAsync(_patience.Token);
        await WriteSets(far.Pool, 10);
        far.Nodes.Nodes[2].Kill();
        await far.Nodes.RestartAsync(2, _patience.Token);
        VerifyAll(far.Pool);
        await Until(() => far.Pool.Counters is { RebuildBacklog: 0, SpansBelowFullRedundancy: 0 });
        VerifyAll(far.Pool);
    }

    [Fact]
    public async Task Connections_CutInsideFrames_AreMadeAgain()
    {
        await using var far = await Cluster.StartAsync(_patience.Token);
        for (var i = 0; i < 12; i++)
        {
            await WriteSet(far.Pool);
            NodeFaults.CutConnections(far.Nodes.Nodes[i % 7].Endpoint);
        }
        VerifyAll(far.Pool);
    }

    [Fact]
    public async Task Node_Terminated_DrainsUnderReads_ThenEndsWell()
    {
        await using var far = await Cluster.StartAsync(_patience.Token);
        await WriteSets(far.Pool, 20);
        far.Nodes.Nodes[5].Terminate();
        while (!far.Nodes.Nodes[5].HasExited)
        {
            VerifyAll(far.Pool);
            _patience.Token.ThrowIfCancellationRequested();
        }
        Assert.Equal(0, far.Nodes.Nodes[5].ExitCode);
        VerifyAll(far.Pool);
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
        await WriteSets(pool, 5);
        first.Dispose(); // SIGKILL
        await WriteSets(pool, 20);
        VerifyAll(pool);
        using var second = await NodeProcess.StartAsync(manager, _patience.Token);
        await using var other = HostedFarPool.Open(new FarPoolOptions(), second.Endpoint, NullLogger.Instance);
        await WriteSets(other, 5, keep: false);
        await WriteSets(pool, 400); // more than the regions in hand take
        VerifyAll(pool);
        var journal = await File.ReadAllLinesAsync(state);
        var allotted = journal.Select(line => line.Split(' ')).Where(words => words[1] == "region").Select(words => words[2]).ToList();
        Assert.Equal(allotted.Count, allotted.Distinct().Count());
    }

    [Fact]
    public async Task Compute_Killed_ItsRegionsAreTakenBackAfterTheLease()
    {
        using var folder = new TemporaryFolder();
        using var up = StartFathom("memory", "up", "--nodes", "6", "--transport", "unix", "--listen", $"unix:{folder.Path}/up.sock", "--capacity", "128MiB", "--region-size", "16MiB", "--lease-seconds", "0.5");
        try
        {
            var announcement = await up.StandardOutput.ReadLineAsync(_patience.Token);
            Assert.StartsWith("6 memory nodes, region directory on unix:", announcement, StringComparison.Ordinal);
            using (var compute = StartFathom("memory", "bench", "--directory", announcement!.Split(' ')[^1], "--objects", "8000", "--local-memory", "25%", "--seconds", "60", "--threads", "1"))
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
        using var up = StartFathom("memory", "up", "--nodes", "6", "--transport", "unix", "--listen", $"unix:{folder.Path}/up.sock", "--capacity", "128MiB", "--region-size", "16MiB", "--lease-seconds", "0.5");
        try
        {
            var announcement = await up.StandardOutput.ReadLineAsync(_patience.Token);
            await using var bystander = HostedFarPool.Open(new FarPoolOptions(), NodeEndpoint.Parse(announcement!.Split(' ')[^1]), NullLogger.Instance);
            using var compute = StartFathom("memory", "bench", "--directory", announcement!.Split(' ')[^1], "--objects", "8000", "--local-memory", "25%", "--seconds", "5", "--threads", "1");
            await LineAsync(up, line => line.Contains("node 6 up", StringComparison.Ordinal) && !line.Contains("regions 0", StringComparison.Ordinal));
            await Signal(compute, "STOP");
            await LineAsync(up, line => line.Contains("node 6 up", StringComparison.Ordinal) && line.Contains("regions 0", StringComparison.Ordinal));
            await WriteSets(bystander, 10);
            await Signal(compute, "CONT");
            await compute.WaitForExitAsync(_patience.Token);
            Assert.NotEqual(0, compute.ExitCode);
            VerifyAll(bystander);
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

    private static Process StartFathom(params string[] arguments) => Process.Start(new ProcessStartInfo("dotnet",
        [typeof(CommandLine.SettingTests).Assembly.Location.Replace("Fathom.Cli.Tests.dll", "fathom.dll", StringComparison.Ordinal), .. arguments])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

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

    private async Task WriteSets(IFarPool pool, int sets, bool keep = true)
    {
        for (var i = 0; i < sets; i++)
            Assert.True(await WriteSet(pool, keep));
    }

    private async Task<bool> WriteSet(IFarPool pool, bool keep = true)
    {
        var images = new SpanImage[4];
        var ids = new SpanId[4];
        for (var i = 0; i < 4; i++)
        {
            images[i] = new SpanImage(_bytes.View.Slice(i * SpanBytes, SpanBytes));
            images[i].Bytes.AsSpan<byte>().Fill((byte)(_spans.Count + i));
        }
        var outcome = await pool.WriteSpanSetAsync(images, ids, OperationTime);
        for (var i = 0; i < 4 && outcome.IsWritten && keep; i++)
            _spans.Add((ids[i], (byte)_spans.Count));
        return outcome.IsWritten;
    }

    private void VerifyAll(IFarPool pool)
    {
        foreach (var span in _spans)
            Verify(pool, span);
    }

    private static void Verify(IFarPool pool, (SpanId Id, byte Fill) span)
    {
        using var bytes = NativeBuffer.Allocate(SpanBytes);
        Assert.Equal(ReadStatus.Read, pool.ReadSpan(span.Id, bytes.View, OperationTime).Status);
        Assert.Equal(-1, bytes.AsSpan<byte>(0, SpanBytes).IndexOfAnyExcept(span.Fill));
    }

    private async Task Until(Func<bool> condition)
    {
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (!condition())
            await look.WaitForNextTickAsync(_patience.Token);
    }

    /// <summary>Seven node processes, a directory and a pool in this one.</summary>
    private sealed class Cluster(NodeCluster nodes, RegionDirectory directory, HostedFarPool pool) : IAsyncDisposable
    {
        public NodeCluster Nodes => nodes;

        public HostedFarPool Pool => pool;

        public static async Task<Cluster> StartAsync(CancellationToken cancellation)
        {
            var nodes = await NodeCluster.StartAsync(7, TransportKind.Unix, 256 << 20, cancellation);
            var directory = RegionDirectory.Start(
                new RegionDirectoryOptions { Nodes = [.. nodes.Nodes.Select(node => node.Endpoint)], RegionBytes = 16 << 20 }, NullLogger.Instance);
            return new Cluster(nodes, directory, HostedFarPool.Open(new FarPoolOptions(), directory, NullLogger.Instance));
        }

        public async ValueTask DisposeAsync()
        {
            await pool.DisposeAsync();
            await directory.DisposeAsync();
            nodes.Dispose();
        }
    }

    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("fathom-memory").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
