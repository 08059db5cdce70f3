using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Simulation;
using Fathom.FarMemory.SpanSets;
using Fathom.Memory;

namespace Fathom.Simulation;

/// <summary>A simulated cluster in which a test decides what happens when; everything not asked for goes well.</summary>
internal sealed class Scenario : IDisposable
{
    public const int FragmentBytes = 64;

    private const long DeadlineUs = 100_000;

    private readonly NativeBuffer _memory = NativeBuffer.Allocate(1 << 16);
    private readonly List<string> _violations = [];

    public Scenario(FarPoolOptions? options = null, int nodes = 7, int regionGranules = 256)
    {
        Options = (options ?? new FarPoolOptions()) with
        {
            HedgeAfterUs = 2_000,
            RequestTimeoutUs = 10_000,
            ProbeIntervalUs = 5_000,
            DownAfterUs = 40_000,
            RetryDelayUs = 2_000,
        };
        Loop = new SimLoop(new SimRandom(7));
        Cluster = new SimCluster(Loop, Options, nodes, regionGranules, regionsANodeMax: 2, PlantedFault.None);
        Checks = new ClusterChecks(Cluster, _violations.Add);
        Cluster.Pool.WriteCompleted = write => write.Waiter = true;
        Cluster.Pool.ReadCompleted = read => read.Waiter = true;
        Cluster.Pool.SpanLost = span => Lost.Add(span);
        Cluster.Pool.Drained = node => Drained.Add(node);
        Cluster.Start();
    }

    /// <summary>Options in which only what the test starts happens.</summary>
    public static FarPoolOptions Quiet { get; } = new() { Compaction = CompactionMode.Off, ScrubIntervalUs = 0 };

    public FarPoolOptions Options { get; }

    public SimLoop Loop { get; }

    public SimCluster Cluster { get; }

    public ClusterChecks Checks { get; }

    /// <summary>Spans that the pool reported lost.</summary>
    public List<SpanId> Lost { get; } = [];

    /// <summary>Nodes that the pool reported drained.</summary>
    public List<NodeId> Drained { get; } = [];

    public PoolMachine Machine => Cluster.Pool.Machine;

    public PoolCounters Counters => Machine.Counters;

    public int SpansPerSet => Options.Scheme == RedundancyScheme.ErasureBatch ? Options.DataFragments : 1;

    public int SpanBytes => Options.Scheme == RedundancyScheme.ErasureSplit ? FragmentBytes * Options.DataFragments : FragmentBytes;

    public SpanSet SetOf(SpanId span) => Machine.Core.Table.TryGet(span, out var set, out _, out _) ? set : throw new InvalidOperationException("no such span");

    public int SlotOf(SpanId span) => Machine.Core.Table.TryGet(span, out _, out var slot, out _) ? slot : -1;

    /// <summary>The node that holds a slot of the span's set.</summary>
    public SimNode NodeOf(SpanId span, int slot) => Cluster.Node(SetOf(span).Places[slot].Node.Id);

    public void RunFor(long us) => Loop.RunUntil(Loop.NowUs + us);

    /// <summary>Starts to write a set of random spans.</summary>
    public SwapOut BeginWrite(int spans = 0)
    {
        var core = Machine.Core;
        var k = core.Code.DataFragments;
        var count = spans == 0 ? SpansPerSet : spans;
        var used = SpansPerSet == 1 ? k : count;
        var write = new SwapOut(core) { SpanCount = count, SpanBytes = SpanBytes, FragmentBytes = FragmentBytes, DeadlineUs = Loop.NowUs + DeadlineUs };
        for (var slot = 0; slot < core.Code.Fragments; slot++)
        {
            write.Fragments[slot] = slot < used || slot >= k ? _memory.View.Slice(slot * FragmentBytes, FragmentBytes) : default;
            if (slot < used)
                Loop.Random.Fill(write.Fragments[slot].AsSpan<byte>());
        }
        core.Code.Encode(write.Fragments.AsSpan(0, k), write.Fragments.AsSpan(k));
        for (var slot = 0; slot < core.Code.Fragments; slot++)
            write.Checksums[slot] = Crc32C.Compute(write.Fragments[slot]);
        Cluster.Pool.Run(() => Machine.StartWrite(Loop.NowUs, write));
        return write;
    }

    /// <summary>Waits for a write and takes its spans into the model.</summary>
    public SpanId[] End(SwapOut write)
    {
        RunUntil(() => write.IsComplete, DeadlineUs + 2_000);
        if (!write.Outcome.IsWritten)
            return [];
        for (var i = 0; i < write.SpanCount; i++)
            Checks.Acknowledged(write.Ids[i], _memory.View.Slice(i * SpanBytes, SpanBytes).AsSpan<byte>().ToArray());
        return write.Ids[..write.SpanCount];
    }

    public SpanId[] Write(int spans = 0)
    {
        var ids = End(BeginWrite(spans));
        Assert.NotEmpty(ids);
        return ids;
    }

    /// <summary>Starts to read a span.</summary>
    public SpanRead BeginRead(SpanId span)
    {
        var read = new SpanRead(Machine.Core)
        {
            Span = span,
            Destination = _memory.View.Slice(1 << 15, SpanBytes),
            DeadlineUs = Loop.NowUs + DeadlineUs,
        };
        read.Destination.AsSpan<byte>().Fill(0xDD);
        Cluster.Pool.Run(() => Machine.StartRead(Loop.NowUs, read));
        return read;
    }

    /// <summary>Waits for a read and compares its bytes with the model.</summary>
    public ReadOutcome End(SpanRead read)
    {
        RunUntil(() => read.IsComplete, DeadlineUs + 2_000);
        if (read.Outcome.IsRead)
            Checks.ReadDelivered(read.Span, read.Destination.AsSpan<byte>());
        AssertSafe();
        return read.Outcome;
    }

    public ReadOutcome Read(SpanId span) => End(BeginRead(span));

    public void Release(params SpanId[] spans)
    {
        foreach (var span in spans)
        {
            Checks.Released(span);
            Cluster.Pool.Run(() => Machine.Release(Loop.NowUs, span));
        }
    }

    /// <summary>Flips a bit of a fragment.</summary>
    public void FlipBit(SpanId span, int slot)
    {
        var place = SetOf(span).Places[slot];
        var node = Cluster.Node(place.Node.Id);
        node.Store.Read(place.Range, out var bytes, out _);
        Checks.Flipped(node.Id, place.Range);
        bytes[5] ^= 4;
    }

    /// <summary>Waits until every set is whole again and nothing is under way.</summary>
    public void Settle()
    {
        RunUntil(() => Checks.Unfinished() is null && Machine.CompactionsActive == 0 && Machine.Core.Rebuilds.IsIdle, 5_000_000);
        Checks.CheckSets();
        AssertSafe();
    }

    /// <summary>Reads every span that was acknowledged and not released.</summary>
    public void VerifyAll()
    {
        foreach (var span in Checks.Model.Keys.ToList())
            Assert.Equal(ReadStatus.Read, Read(span).Status);
    }

    public void RunUntil(Func<bool> condition, long usMax)
    {
        var endUs = Loop.NowUs + usMax;
        while (!condition())
        {
            Assert.True(Loop.NowUs < endUs, $"nothing came of it in {usMax} us: {Checks.Unfinished()}");
            RunFor(20);
        }
    }

    public void AssertSafe() => Assert.Empty(_violations);

    public void Dispose()
    {
        Cluster.Dispose();
        _memory.Dispose();
    }
}
