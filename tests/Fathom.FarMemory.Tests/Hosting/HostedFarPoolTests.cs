using Fathom.FarMemory.Hosting;
using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Tests.Transports;
using Fathom.FarMemory.Transports;
using Fathom.Memory;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.FarMemory.Tests.Hosting;

public sealed class HostedFarPoolTests
{
    public static TheoryData<TransportKind> Transports() => LocalNode.Transports();

    public static TheoryData<RedundancyScheme> Schemes() => [.. Enum.GetValues<RedundancyScheme>()];

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Spans_WrittenAndRead_OverEveryTransport(TransportKind transport)
    {
        await using var cluster = new LocalCluster(transport);
        using var model = new SpanModel(cluster.Pool);
        await model.WriteSets(10); // the first ones may meet connections that are still being made, and be sent twice
        var before = cluster.Pool.Counters;
        await model.WriteSets(30);
        var after = cluster.Pool.Counters;
        Assert.Equal(1.5, (after.FragmentBytesWritten - before.FragmentBytesWritten) / (double)(after.SpanBytesWritten - before.SpanBytesWritten));
        model.VerifyAll();
        var counters = cluster.Pool.Counters;
        Assert.Equal(160, counters.SpansRead);
        Assert.Equal(160 - counters.DegradedReads, counters.FragmentReads);
    }

    [Theory]
    [MemberData(nameof(Schemes))]
    public async Task Spans_WrittenAndRead_UnderEveryScheme(RedundancyScheme scheme)
    {
        await using var cluster = new LocalCluster(TransportKind.Unix, options: new FarPoolOptions { Scheme = scheme });
        using var model = new SpanModel(cluster.Pool);
        await model.WriteSets(10);
        var before = cluster.Pool.Counters;
        await model.WriteSets(20);
        model.VerifyAll();
        var counters = cluster.Pool.Counters;
        var readsPerSpan = scheme == RedundancyScheme.ErasureSplit ? 4 : 1;
        Assert.Equal(readsPerSpan, counters.FragmentReads / (double)(counters.SpansRead - counters.DegradedReads));
        var written = scheme switch { RedundancyScheme.None => 1.0, RedundancyScheme.ReplicationTwo => 2.0, RedundancyScheme.ReplicationThree => 3.0, _ => 1.5 };
        Assert.Equal(
            written, (counters.FragmentBytesWritten - before.FragmentBytesWritten) / (double)(counters.SpanBytesWritten - before.SpanBytesWritten));
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task TwoNodesStopped_ReadsAreDegradedThenRebuilt_AThirdLosesExactlyItsSpans(TransportKind transport)
    {
        await using var cluster = new LocalCluster(transport, nodes: 8, options: new FarPoolOptions { RebuildsMax = 1 });
        using var model = new SpanModel(cluster.Pool);
        await model.WriteSets(120);
        using var reading = new CancellationTokenSource();
        var underWay = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reads = Task.Run(() =>
        {
            // All the while, and one rebuild at a time: else what is lost may be rebuilt before anybody comes to read it.
            while (!reading.IsCancellationRequested)
            {
                model.VerifyAll();
                underWay.TrySetResult();
            }
        });
        try
        {
            await Task.WhenAny(underWay.Task, reads);
            cluster.Nodes[0].Dispose();
            cluster.Nodes[3].Dispose();
        }
        finally
        {
            await reading.CancelAsync();
            await reads;
        }
        model.VerifyAll();
        Assert.True(cluster.Pool.Counters.DegradedReads > 0);
        await cluster.Until(counters => counters.FragmentsRebuilt > 0 && counters.RebuildBacklog == 0 && counters.SpansBelowFullRedundancy == 0);
        cluster.Nodes[5].Dispose();
        model.VerifyAll();
    }

    [Theory]
    [InlineData(CompactionMode.Remote)]
    [InlineData(CompactionMode.Local)]
    public async Task Compaction_ReclaimsDeadSpans_AndLiveOnesStayRight(CompactionMode mode)
    {
        await using var cluster = new LocalCluster(TransportKind.Unix, nodes: 6, options: new FarPoolOptions { Compaction = mode });
        using var model = new SpanModel(cluster.Pool);
        await model.WriteSets(40);
        var random = new Random(3);
        foreach (var span in model.Acknowledged.Keys.Where(_ => random.Next(2) == 0).ToList())
            model.Release(span);
        await cluster.Until(counters => counters.Compactions >= 5);
        model.VerifyAll();
        var counters = cluster.Pool.Counters;
        Assert.True(counters.AllocatedBytes < 2.6 * counters.LiveBytes, $"{counters.AllocatedBytes} allocated for {counters.LiveBytes} live");
        // After the flip every code word must still decode.
        cluster.Nodes[1].Dispose();
        cluster.Nodes[4].Dispose();
        model.VerifyAll();
    }

    [Fact]
    public async Task RollingRestart_OfAllNodes_LosesNothing()
    {
        await using var cluster = new LocalCluster(TransportKind.Unix);
        using var model = new SpanModel(cluster.Pool);
        await model.WriteSets(20);
        for (var i = 0; i < cluster.Nodes.Count; i++)
        {
            cluster.Nodes[i].Dispose();
            cluster.Restart(i);
            await model.WriteSets(1); // the node may be known to the pool and not to the directory: room comes
            model.VerifyAll();
            await cluster.Until(counters => counters.RebuildBacklog == 0 && counters.SpansBelowFullRedundancy == 0);
        }
        model.VerifyAll();
        Assert.Equal(0, cluster.Pool.Counters.SpansLost);
    }

    [Fact]
    public async Task Drain_UnderLoad_MovesEverythingAway()
    {
        await using var cluster = new LocalCluster(TransportKind.Unix);
        using var model = new SpanModel(cluster.Pool);
        await model.WriteSets(20);
        var drained = cluster.Nodes[2].DrainAsync(TimeProvider.System, CancellationToken.None);
        while (!drained.IsCompleted)
        {
            await model.WriteSets(1);
            model.VerifyAll();
        }
        Assert.True(await drained);
        cluster.Nodes[2].Dispose();
        var before = cluster.Pool.Counters.DegradedReads;
        model.VerifyAll();
        Assert.Equal(before, cluster.Pool.Counters.DegradedReads);
    }

    [Fact]
    public async Task FewerThanSixNodes_AreRefused_OrDegradedWhereAllowed()
    {
        await using var refusing = new LocalCluster(TransportKind.Unix, nodes: 5);
        using var model = new SpanModel(refusing.Pool);
        var refused = await model.WriteSet();
        Assert.Equal((WriteStatus.TooFewNodes, 6), (refused.Status, refused.NodesNeeded));
        await using var allowing = new LocalCluster(TransportKind.Unix, nodes: 5, options: new FarPoolOptions { DegradedWriteMissingMax = 1 });
        using var second = new SpanModel(allowing.Pool);
        Assert.Equal(WriteStatus.WrittenDegraded, (await second.WriteSet()).Status);
        second.VerifyAll();
    }

    [Fact]
    public async Task PoolExhausted_IsToldAtOnce_AndRoomThatComesBackIsUsed()
    {
        await using var cluster = new LocalCluster(TransportKind.Unix, nodes: 6, capacityBytes: 17 << 20);
        using var model = new SpanModel(cluster.Pool, spanBytes: 1 << 20);
        WriteOutcome outcome;
        do
            outcome = await model.WriteSet();
        while (outcome.IsWritten);
        Assert.Equal(WriteStatus.NoSpace, outcome.Status);
        model.VerifyAll();
        foreach (var span in model.Acknowledged.Keys.ToList())
            model.Release(span);
        Assert.Equal(WriteStatus.Written, (await model.WriteSet()).Status);
    }

    [Fact]
    public async Task Directory_GoneAndBack_SwapsGoOn_AndNoRegionIsAllottedTwice()
    {
        await using var cluster = new LocalCluster(TransportKind.Unix);
        await cluster.Pool.DisposeAsync(); // the one of this test reaches the directory over a socket
        var server = DirectoryServer.Start(NodeEndpoint.Parse($"unix:{cluster.DirectoryOptions.StatePath}.sock"), cluster.Directory, NullLogger.Instance);
        await using var remote = HostedFarPool.Open(new FarPoolOptions(), server.Endpoint, NullLogger.Instance);
        using var remoteModel = new SpanModel(remote);
        await remoteModel.WriteSets(5);
        server.Dispose();
        await cluster.Directory.DisposeAsync();
        // Nobody allots now; what is placed is read, and what has room is written.
        await remoteModel.WriteSets(5);
        remoteModel.VerifyAll();
        var regions = cluster.Nodes.Sum(node => node.RegionCount);
        cluster.Directory = RegionDirectory.Start(cluster.DirectoryOptions, NullLogger.Instance);
        Assert.Equal(regions, cluster.Directory.RegionCount);
        server = DirectoryServer.Start(server.Endpoint, cluster.Directory, NullLogger.Instance);
        for (var i = 0; i < 40; i++) // more than the regions in hand take
            Assert.Equal(WriteStatus.Written, (await remoteModel.WriteSet()).Status);
        remoteModel.VerifyAll();
        server.Dispose();
    }

    [Fact]
    public async Task Lease_NotRenewed_RegionsAreReclaimed_AndLateWritesRefused()
    {
        await using var cluster = new LocalCluster(TransportKind.Unix, lease: TimeSpan.FromMilliseconds(300));
        var calls = new LocalDirectoryCalls(cluster.Directory);
        Assert.True(calls.TryOpen(out var lease));
        var patience = LocalNode.Soon;
        Placement.RegionGrant grant;
        while (!calls.TryAllot(lease, new NodeId(1), out grant))
            Assert.True(System.Diagnostics.Stopwatch.GetTimestamp() < patience);
        // The process is paused from here on: no renewal. Its regions go back without it.
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (cluster.Nodes[0].RegionCount > 0 && System.Diagnostics.Stopwatch.GetTimestamp() < patience)
            await look.WaitForNextTickAsync();
        Assert.Equal(0, cluster.Nodes[0].RegionCount);
        Assert.True(calls.Poll(lease, default) is { IsFenced: true });
        Assert.False(calls.TryAllot(lease, new NodeId(1), out _));
        using var link = NodeLink.Connect(cluster.Nodes[0].Endpoint, new CallerIdentity(CallerRole.Compute, lease.Owner.Value), LocalNode.Soon);
        using var bytes = NativeBuffer.Allocate(2048);
        var late = new FarMemory.Wire.FrameHeader
        {
            Kind = FarMemory.Wire.MessageKind.Write, Region = grant.Region.Value, Epoch = lease.Epoch.Value, Generation = 1, Length = 2048,
            PayloadChecksum = FarMemory.Integrity.Crc32C.Compute(bytes.View),
        };
        Assert.Equal(FarMemory.Wire.FrameFault.None, link.Call(ref late, bytes.View, default, LocalNode.Soon, out _));
        Assert.NotEqual(FarMemory.Wire.WireStatus.Done, late.Status);
    }

    [Fact]
    public async Task Read_Cancelled_EndsWithThatStatus()
    {
        await using var cluster = new LocalCluster(TransportKind.Unix);
        using var model = new SpanModel(cluster.Pool);
        await model.WriteSets(1);
        using var bytes = NativeBuffer.Allocate(8192);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        var outcome = await cluster.Pool.ReadSpanAsync(model.Acknowledged.Keys.First(), bytes.View, LocalCluster.Patience, cancelled.Token);
        Assert.Equal(ReadStatus.Cancelled, outcome.Status);
        Assert.Equal(ReadStatus.Read, (await cluster.Pool.ReadSpanAsync(model.Acknowledged.Keys.First(), bytes.View, LocalCluster.Patience)).Status);
        Assert.Equal(ReadStatus.UnknownSpan, cluster.Pool.ReadSpan(new SpanId(99_999), bytes.View, LocalCluster.Patience).Status);
    }

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task ReadSpan_InSteadyState_AllocatesNothing(TransportKind transport)
    {
        await using var cluster = new LocalCluster(transport);
        using var model = new SpanModel(cluster.Pool);
        await model.WriteSets(1);
        using var bytes = NativeBuffer.Allocate(8192);
        var span = model.Acknowledged.Keys.First();
        void Read50Times()
        {
            for (var i = 0; i < 50; i++)
                Assert.True(cluster.Pool.ReadSpan(span, bytes.View, LocalCluster.Patience).IsRead);
        }
        // On a busy machine a read meets the hedge's limit now and then and takes the other way; most rounds have none.
        Assert.Equal(0, Allocations.OfWarm(Read50Times, rounds: 12));
    }
}
