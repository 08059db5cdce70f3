using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Integrity;
using Fathom.FarMemory.Node;
using Fathom.FarMemory.Wire;
using Fathom.Memory;

namespace Fathom.FarMemory.Tests.Node;

public sealed class NodeStoreTests : IDisposable
{
    private const int SpanBytes = 8192;
    private static readonly ComputeId Owner = new(1);
    private static readonly Epoch First = new(1);
    private static readonly RegionId Region = new(3);

    private readonly NodeStore _store = new(new NodeId(1), new Incarnation(77), 40L << 20, shared: SharedMapping.IsSupported);
    private readonly NativeBuffer _bytes = NativeBuffer.Allocate(SpanBytes);
    private readonly NativeBuffer _read = NativeBuffer.Allocate(SpanBytes);

    public NodeStoreTests() => Assert.Equal(WireStatus.Done, _store.Allot(Region, 16 << 20, Owner, First, out _));

    public void Dispose()
    {
        _store.Dispose();
        _bytes.Dispose();
        _read.Dispose();
    }

    [Fact]
    public void Write_ThenRead_GivesTheBytesAndTheirChecksum()
    {
        var at = At(0, 1);
        Assert.Equal(WireStatus.Done, Write(at, fill: 5));
        Assert.Equal(WireStatus.Done, _store.Read(at, _read.View, out var checksum));
        Assert.Equal(Crc32C.Compute(_bytes.View), checksum);
        Assert.True(_bytes.AsSpan<byte>(0, SpanBytes).SequenceEqual(_read.AsSpan<byte>(0, SpanBytes)));
    }

    [Fact]
    public void Read_NeverWritten_IsNotZeros()
    {
        Assert.Equal(WireStatus.NoSuchFragment, _store.Read(At(0, 1), _read.View, out _));
        Assert.Equal(WireStatus.NoSuchFragment, _store.Read(At(0, 0), _read.View, out _));
        Assert.Equal(WireStatus.NoSuchRegion, _store.Read(At(0, 1) with { Region = new RegionId(9) }, _read.View, out _));
    }

    [Fact]
    public void Write_OlderGeneration_IsRefusedAndChangesNothing()
    {
        var newer = At(0, 9);
        Write(newer, fill: 5);
        Assert.Equal(WireStatus.Superseded, Write(At(0, 8), fill: 6));
        // Also where it would overlap from before: fragments need not start at the same granule.
        Assert.Equal(WireStatus.Superseded, Write(At(RegionLayout.GranuleBytes, 7), fill: 6));
        Assert.Equal(WireStatus.Done, _store.ReadVerified(newer, _read.View));
        Assert.Equal(5, _read.AsSpan<byte>(0, 1)[0]);
    }

    [Fact]
    public void Write_OverFragmentThatStartsInside_LeavesNoReaderWithMixedBytes()
    {
        var inside = At(RegionLayout.GranuleBytes, 1);
        Write(inside, fill: 1);
        Assert.Equal(WireStatus.Done, Write(At(0, 2), fill: 2));
        Assert.Equal(WireStatus.NoSuchFragment, _store.Read(inside, _read.View, out _));
    }

    [Fact]
    public void Write_Retried_IsDoneOnce()
    {
        var at = At(0, 4);
        Assert.Equal(WireStatus.Done, Write(at, fill: 5));
        Assert.Equal(WireStatus.Done, Write(at, fill: 5));
        Assert.Equal(WireStatus.BadRequest, Write(at, fill: 6));
    }

    [Fact]
    public void Write_OutsideOrBetweenGranules_IsRefused()
    {
        Assert.Equal(WireStatus.OutOfRegion, Write(At(1, 1), fill: 1));
        Assert.Equal(WireStatus.OutOfRegion, Write(At((16 << 20) - RegionLayout.GranuleBytes, 1), fill: 1));
        Assert.Equal(WireStatus.OutOfRegion, Write(At(long.MaxValue - RegionLayout.GranuleBytes + 1, 1), fill: 1));
    }

    [Fact]
    public void Fence_OlderEpoch_IsRefused_AndReclaimGivesTheMemoryBack()
    {
        var at = At(0, 1);
        Write(at, fill: 5);
        _store.Fence(Owner, new Epoch(2), reclaim: false);
        Assert.Equal(WireStatus.Fenced, Write(At(0, 2), fill: 6));
        Assert.Equal(WireStatus.Fenced, _store.Free(at, Owner, First));
        Assert.Equal(WireStatus.Done, _store.ReadVerified(at, _read.View));
        _store.Fence(Owner, new Epoch(3), reclaim: true);
        Assert.Equal(WireStatus.NoSuchRegion, Write(At(0, 3), fill: 6));
        Assert.Equal(0, _store.RegisteredBytes);
        Assert.Equal(WireStatus.Fenced, _store.Allot(Region, 16 << 20, Owner, new Epoch(2), out _));
    }

    [Fact]
    public void Allot_OfAnotherOwner_IsRefused()
    {
        Assert.Equal(WireStatus.NotOwner, _store.Allot(Region, 16 << 20, new ComputeId(2), new Epoch(9), out _));
        Assert.Equal(WireStatus.NotOwner, _store.Write(At(0, 1), new ComputeId(2), new Epoch(9), _bytes.View, 0));
    }

    [Fact]
    public void Allot_BeyondCapacity_IsFull()
    {
        Assert.Equal(WireStatus.Done, _store.Allot(new RegionId(4), 16 << 20, Owner, First, out _));
        Assert.Equal(WireStatus.Full, _store.Allot(new RegionId(5), 16 << 20, Owner, First, out _));
        Assert.Equal(WireStatus.Done, _store.Release(new RegionId(4), First));
        Assert.Equal(WireStatus.Done, _store.Allot(new RegionId(5), 16 << 20, Owner, First, out _));
    }

    [Theory]
    [InlineData(0)]
    [InlineData((16 << 20) - 2048)]
    [InlineData((16 << 20) + 1)]
    [InlineData((1L << 30) + 2048)]
    public void Allot_WrongSize_IsRefused(long bytes) =>
        Assert.Equal(WireStatus.BadRequest, _store.Allot(new RegionId(8), (ulong)bytes, Owner, First, out _));

    [Fact]
    public void Drain_RefusesWhatIsNew_AndStillReads()
    {
        var at = At(0, 1);
        Write(at, fill: 5);
        _store.Drain();
        Assert.Equal(WireStatus.Draining, Write(At(SpanBytes, 2), fill: 6));
        Assert.Equal(WireStatus.Draining, _store.Allot(new RegionId(4), 16 << 20, Owner, First, out _));
        Assert.Equal(WireStatus.Done, _store.ReadVerified(at, _read.View));
    }

    [Fact]
    public void Shadow_RetriedContribution_CountsOnce_AndCommitPublishesOnce()
    {
        var (parity, target, operation) = (At(0, 1), At(2 * SpanBytes, 5), new OperationId(4));
        Write(parity, fill: 0x0F);
        Fill(0xF0);
        foreach (var contributor in new[] { 0, 1, 1, 0 })
            Assert.Equal(WireStatus.Done, _store.AddToShadow(operation, parity, target, Owner, First, contributor, _bytes.View));
        Assert.Equal(WireStatus.NotPrepared, _store.Prepare(operation, target, contributors: 0b111));
        Assert.Equal(WireStatus.NotPrepared, _store.Commit(operation, target, Owner, First, out _));
        Assert.Equal(WireStatus.NoSuchFragment, _store.Read(target, _read.View, out _));
        Assert.Equal(WireStatus.Done, _store.Prepare(operation, target, contributors: 0b11));
        Assert.Equal(WireStatus.BadRequest, _store.AddToShadow(operation, parity, target, Owner, First, 2, _bytes.View));
        Assert.Equal(WireStatus.Done, _store.Commit(operation, target, Owner, First, out var checksum));
        Assert.Equal(WireStatus.Done, _store.Commit(operation, target, Owner, First, out var again));
        Assert.Equal(checksum, again);
        Assert.Equal(WireStatus.Done, _store.ReadVerified(target, _read.View));
        Assert.Equal(0x0F, _read.AsSpan<byte>(0, 1)[0]); // two equal contributions cancel out
        Assert.Equal(WireStatus.Done, _store.ReadVerified(parity, _read.View));
    }

    [Fact]
    public void Shadow_Aborted_TakesNothingMore()
    {
        var (parity, target, operation) = (At(0, 1), At(2 * SpanBytes, 5), new OperationId(4));
        Write(parity, fill: 1);
        _store.AddToShadow(operation, parity, target, Owner, First, 0, _bytes.View);
        Assert.Equal(WireStatus.Done, _store.Abort(operation, target));
        Assert.Equal(WireStatus.NotPrepared, _store.AddToShadow(operation, parity, target, Owner, First, 1, _bytes.View));
        Assert.Equal(WireStatus.NotPrepared, _store.Commit(operation, target, Owner, First, out _));
        // An abort may overtake the first contribution.
        var late = new OperationId(5);
        Assert.Equal(WireStatus.Done, _store.Abort(late, target));
        Assert.Equal(WireStatus.NotPrepared, _store.AddToShadow(late, parity, target, Owner, First, 0, _bytes.View));
    }

    [Fact]
    public unsafe void FlippedBit_InDataOrParity_IsCorrupt_NotWrongBytes()
    {
        var at = At(0, 1);
        Write(at, fill: 5);
        Assert.Equal(WireStatus.Done, _store.Find(Region, Owner, First, out var region));
        region!.Corrupt(at.Offset + 100);
        Assert.Equal(WireStatus.Corrupt, _store.ReadVerified(at, _read.View));
        Assert.Equal(WireStatus.Corrupt, _store.Delta(at, at, _read.View, _bytes.View));
        Assert.Equal(WireStatus.Corrupt, _store.AddToShadow(new OperationId(4), at, At(2 * SpanBytes, 5), Owner, First, 0, _bytes.View));
    }

    [SkippableFact]
    public void Mapped_OwnerWritesAndReadsOneSided_UntilTheRegionIsTakenBack()
    {
        Skip.IfNot(SharedMapping.IsSupported, "needs memfd");
        Assert.Equal(WireStatus.Done, _store.Find(Region, Owner, First, out var region));
        var layout = region!.Layout;
        using var mapping = SharedMapping.Open(Environment.ProcessId, region.Shared!.Descriptor, layout.TotalBytes);
        var mine = FarMemory.Node.Region.Attach(Region, layout, Owner, _store.Incarnation, mapping);
        Fill(9);
        Assert.Equal(WireStatus.Done, mine.Write(0, new Generation(1), First, _bytes.View, Crc32C.Compute(_bytes.View)));
        Assert.Equal(WireStatus.Done, _store.ReadVerified(At(0, 1), _read.View));
        _store.Fence(Owner, new Epoch(2), reclaim: false);
        Assert.Equal(WireStatus.Fenced, mine.Write(0, new Generation(2), First, _bytes.View, 0));
        _store.Fence(Owner, new Epoch(3), reclaim: true);
        Assert.Equal(WireStatus.NoSuchRegion, mine.Write(0, new Generation(3), new Epoch(9), _bytes.View, 0));
        Assert.Equal(WireStatus.NoSuchFragment, mine.Read(0, new Generation(1), _read.View, out _));
    }

    private static FragmentRange At(long offset, ulong generation) => new(Region, (ulong)offset, SpanBytes, new Generation(generation));

    private void Fill(byte fill) => _bytes.AsSpan<byte>(0, SpanBytes).Fill(fill);

    private WireStatus Write(in FragmentRange at, byte fill)
    {
        Fill(fill);
        return _store.Write(at, Owner, First, _bytes.View, Crc32C.Compute(_bytes.View));
    }
}
