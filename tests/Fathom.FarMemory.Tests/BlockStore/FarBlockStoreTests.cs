using Fathom.FarMemory.BlockStore;
using Fathom.FarMemory.Pool;
using Fathom.FarMemory.Tests.Swap;

namespace Fathom.FarMemory.Tests.BlockStore;

public sealed class FarBlockStoreTests : IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly FaultyPool _pool = new(1);
    private readonly ManualClock _clock = new();
    private readonly FarBlockStore _store;
    private readonly BlockNamespace _blocks;

    public FarBlockStoreTests()
    {
        _store = new FarBlockStore(
            _pool, new BlockStoreOptions { CapacityBytes = 1 << 20, BlockBytesMax = 600_000, PieceBytesMax = 64 << 10, EventsMax = 8 }, _clock);
        _blocks = _store.Open("model-a");
    }

    public void Dispose()
    {
        _store.Dispose();
        Assert.Equal(0, _pool.Counters.LiveBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2048)]
    [InlineData(8193)]
    [InlineData(262_144)]
    [InlineData(262_145)]
    [InlineData(600_000)]
    public async Task Put_Get_OfEveryLength_GivesTheBytesBack(int length)
    {
        Assert.Equal(BlockStatus.Done, await Put(1, length));
        Assert.Equal(BlockStatus.AlreadyThere, await Put(1, length));
        for (var round = 0; round < 2; round++) // inclusive: the far copy stays
            Assert.Equal(Content(1, length), await Get(1, length));
        Assert.Equal(length, _store.UsedBytes);
        Assert.Equal(BlockStatus.Done, _blocks.Remove(Key(1)));
        Assert.Equal(0, _pool.Counters.LiveBytes);
    }

    [Fact]
    public async Task Put_TooLong_IsRefused() => Assert.Equal(BlockStatus.TooLong, await Put(1, 600_001));

    [Fact]
    public async Task Batches_ReportEachItem()
    {
        var contents = new[] { 1, 2, 3 }.Select(i => (ReadOnlyMemory<byte>)Content(i, 1000)).ToArray();
        Assert.Equal(
            [BlockStatus.Done, BlockStatus.Done, BlockStatus.Done],
            await _blocks.PutBatchAsync([Key(1), Key(2), Key(3)], contents, Timeout));
        Memory<byte>[] room = [new byte[1000], new byte[999], new byte[1000], new byte[1000]];
        Assert.Equal(
            [BlockStatus.Done, BlockStatus.DestinationTooShort, BlockStatus.Done, BlockStatus.Missing],
            await _blocks.GetBatchAsync([Key(1), Key(2), Key(3), Key(4)], room, Timeout));
        Assert.Equal(Content(3, 1000), room[2].ToArray());
        await Assert.ThrowsAsync<ArgumentException>(() => _blocks.GetBatchAsync([Key(1)], [], Timeout));
    }

    [Fact]
    public async Task Namespaces_KeepEqualKeysApart()
    {
        var other = _store.Open("model-b");
        await Put(1, 100);
        Assert.True(_blocks.Exists(Key(1)));
        Assert.True(_store.Open("model-a").Exists(Key(1)));
        Assert.False(other.Exists(Key(1)));
        Assert.Equal(0, other.MatchPrefix([Key(1)], Minute).Blocks);
    }

    [Fact]
    public async Task MatchPrefix_StopsAtTheFirstGap()
    {
        foreach (var i in new[] { 1, 2, 4 })
            await Put(i, 100);
        var hit = _blocks.MatchPrefix([Key(1), Key(2), Key(3), Key(4)], Minute);
        Assert.Equal(2, hit.Blocks);
        Assert.Equal(_clock.GetUtcNow() + Minute, hit.Expires);
        Assert.Equal(default, _blocks.MatchPrefix([Key(9)], Minute));
        Assert.Throws<ArgumentOutOfRangeException>(() => _blocks.MatchPrefix([Key(1)], TimeSpan.Zero));
    }

    [Fact]
    public async Task Lease_HoldsItsBlocksUntilItEnds()
    {
        for (var i = 0; i < 10; i++)
            await Put(i, 100_000);
        var hit = _blocks.MatchPrefix([Key(0), Key(1)], Minute);
        for (var i = 10; i < 30; i++)
            Assert.Equal(BlockStatus.Done, await Put(i, 100_000)); // pushes everything else out, twice
        Assert.Equal(BlockStatus.Held, _blocks.Remove(Key(0)));
        Assert.Equal(BlockStatus.Done, await GetLeased(0, hit.Lease));
        Assert.Equal(BlockStatus.LeaseExpired, await GetLeased(25, hit.Lease)); // not among its blocks
        Assert.False(_blocks.Exists(Key(5)));

        _clock.Advance(TimeSpan.FromSeconds(50));
        Assert.True(_store.RenewLease(hit.Lease, Minute));
        _clock.Advance(TimeSpan.FromSeconds(50));
        Assert.Equal(BlockStatus.Done, await GetLeased(1, hit.Lease));
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.False(_store.RenewLease(hit.Lease, Minute));
        Assert.Equal(BlockStatus.LeaseExpired, await GetLeased(1, hit.Lease));
        Assert.Equal(BlockStatus.Done, _blocks.Remove(Key(0)));
    }

    [Fact]
    public async Task Lease_EndsDuringTheRead_FailsTheRead()
    {
        await Put(1, 1000);
        var hit = _blocks.MatchPrefix([Key(1)], Minute);
        _pool.OnRead = () => _clock.Advance(2 * Minute);
        Assert.Equal(BlockStatus.LeaseExpired, await GetLeased(1, hit.Lease));
    }

    [Fact]
    public async Task Remove_DuringARead_LeavesTheReaderItsBytes()
    {
        await Put(1, 1000);
        _pool.OnRead = () =>
        {
            Assert.Equal(BlockStatus.Done, _blocks.Remove(Key(1)));
            Assert.NotEqual(0, _pool.Counters.LiveBytes);
        };
        Assert.Equal(Content(1, 1000), await Get(1, 1000));
        Assert.Equal(0, _pool.Counters.LiveBytes);
    }

    [Fact]
    public async Task Eviction_TakesTheLeastRecentlyUsedThatNobodyHolds()
    {
        for (var i = 0; i < 10; i++)
            await Put(i, 100_000);
        Assert.Equal(BlockStatus.Done, _blocks.Pin(Key(0)));
        await Get(1, 100_000);
        await Put(10, 100_000);
        await Put(11, 100_000);
        Assert.True(_blocks.Exists(Key(0))); // pinned
        Assert.True(_blocks.Exists(Key(1))); // read lately
        Assert.False(_blocks.Exists(Key(2)));
        Assert.False(_blocks.Exists(Key(3)));
        Assert.Equal(BlockStatus.Held, _blocks.Remove(Key(0)));
        Assert.Equal(BlockStatus.Done, _blocks.Unpin(Key(0)));
        Assert.Equal(BlockStatus.Missing, _blocks.Unpin(Key(0)));
        Assert.Equal(BlockStatus.Done, _blocks.Remove(Key(0)));
        Assert.Equal(BlockStatus.Missing, _blocks.Remove(Key(0)));
    }

    [Fact]
    public async Task Eviction_BlocksReadOnceDoNotPushOutThoseReadAgain()
    {
        for (var i = 0; i < 5; i++)
        {
            await Put(i, 100_000);
            await Get(i, 100_000);
        }
        for (var i = 10; i < 40; i++)
            await Put(i, 100_000);
        for (var i = 0; i < 5; i++)
            Assert.True(_blocks.Exists(Key(i)));

        // What was used once stands above for four fifths of the room at most: the rest falls back and goes like any other.
        for (var i = 35; i < 40; i++)
            await Get(i, 100_000);
        for (var i = 50; i < 60; i++)
            await Put(i, 100_000);
        Assert.False(_blocks.Exists(Key(0)));
        Assert.True(_blocks.Exists(Key(39)));
    }

    [Fact]
    public async Task Put_EverythingHeld_FindsNoRoom()
    {
        for (var i = 0; i < 10; i++)
        {
            await Put(i, 100_000);
            _blocks.Pin(Key(i));
        }
        Assert.Equal(BlockStatus.NoRoom, await Put(10, 100_000));
        Assert.Equal(10, _store.Count);
    }

    [Fact]
    public async Task Put_PoolSmallerThanTheStore_EvictsUntilItFits()
    {
        var pool = new FaultyPool(1, capacityBytes: 300_000);
        using var store = new FarBlockStore(pool, new BlockStoreOptions { CapacityBytes = 1 << 30 });
        var blocks = store.Open("");
        for (var i = 0; i < 10; i++)
            Assert.Equal([BlockStatus.Done], await blocks.PutBatchAsync([Key(i)], [Content(i, 100_000)], Timeout));
        Assert.InRange(store.Count, 1, 3);
        Assert.True(blocks.Exists(Key(9)));
        Assert.Equal([BlockStatus.NoRoom], await blocks.PutBatchAsync([Key(10)], [Content(10, 400_000)], Timeout));
    }

    [Fact]
    public async Task Put_PoolFails_KeepsNothing()
    {
        _pool.FailAllWrites = WriteStatus.TooFewNodes;
        Assert.Equal(BlockStatus.Unreachable, await Put(1, 1000));
        Assert.False(_blocks.Exists(Key(1)));
        Assert.Equal(0, _store.UsedBytes);
        _pool.FailAllWrites = null;
        Assert.Equal(BlockStatus.Done, await Put(1, 1000));
    }

    [Fact]
    public async Task Put_SameKeyAtOnce_OneWrites()
    {
        _pool.HoldWrites();
        var first = Put(1, 1000);
        Assert.Equal(BlockStatus.BeingWritten, await Put(1, 1000));
        Assert.False(_blocks.Exists(Key(1)));
        Assert.Equal(BlockStatus.BeingWritten, _blocks.Remove(Key(1)));
        _pool.OpenWrites();
        Assert.Equal(BlockStatus.Done, await first);
    }

    [Fact]
    public async Task Put_Cancelled_KeepsNothing()
    {
        _pool.HoldWrites();
        using var cancel = new CancellationTokenSource();
        var put = _blocks.PutBatchAsync([Key(1)], [Content(1, 1000)], Timeout, cancel.Token);
        await cancel.CancelAsync();
        Assert.Equal([BlockStatus.Cancelled], await put);
        Assert.Equal(0, _store.Count);
    }

    [Fact]
    public async Task Get_PieceLost_IsAMissAndAnEvent()
    {
        await using var events = _store.Events().GetAsyncEnumerator();
        await Put(1, 100_000);
        _pool.Inner.Lose(new(2));
        Memory<byte>[] room = [new byte[100_000]];
        Assert.Equal([BlockStatus.Missing], await _blocks.GetBatchAsync([Key(1)], room, Timeout));
        Assert.False(_blocks.Exists(Key(1)));
        Assert.Equal(BlockEventKind.Stored, await Next(events));
        Assert.Equal(BlockEventKind.Lost, await Next(events));
        Assert.Equal(BlockStatus.Done, await Put(1, 100_000));

        static async Task<BlockEventKind> Next(IAsyncEnumerator<BlockEvent> events)
        {
            Assert.True(await events.MoveNextAsync());
            return events.Current.Kind;
        }
    }

    [Fact]
    public async Task Get_PoolUnreachable_KeepsTheBlock()
    {
        await Put(1, 1000);
        _pool.FailAllReads = ReadStatus.Deadline;
        Memory<byte>[] room = [new byte[1000]];
        Assert.Equal([BlockStatus.Unreachable], await _blocks.GetBatchAsync([Key(1)], room, Timeout));
        _pool.FailAllReads = null;
        Assert.Equal(Content(1, 1000), await Get(1, 1000));
    }

    [Fact]
    public async Task Get_WrongBytesFromThePool_IsAMiss()
    {
        await Put(1, 10_000);
        _pool.FlipReads = true;
        Memory<byte>[] room = [new byte[10_000]];
        Assert.Equal([BlockStatus.Missing], await _blocks.GetBatchAsync([Key(1)], room, Timeout));
    }

    [Fact]
    public async Task Events_SlowReader_LearnsWhatItMissed()
    {
        var stream = _store.Events();
        for (var i = 0; i < 20; i++)
            await Put(i, 10);
        _store.Dispose();
        var seen = new List<BlockEvent>();
        await foreach (var one in stream)
            seen.Add(one);
        Assert.Equal(8, seen.Count);
        Assert.Equal(12, seen[0].Missed);
        Assert.Equal(Key(12), seen[0].Key);
        Assert.All(seen.Skip(1), e => Assert.Equal(0, e.Missed));
    }

    [Fact]
    public async Task ManyCallers_AtRandom_GetRightBytesOrAMiss()
    {
        var wrong = 0;
        var hits = 0;
        var callers = Enumerable.Range(0, 4).Select(seed => Task.Run(async () =>
        {
            var random = new Random(seed);
            for (var i = 0; i < 500; i++)
            {
                var key = random.Next(40);
                var length = 20_000 + key * 1000;
                switch (random.Next(5))
                {
                    case 0:
                        await Put(key, length);
                        break;
                    case 1:
                        _blocks.Remove(Key(key));
                        break;
                    default:
                        Memory<byte>[] room = [new byte[length]];
                        var status = await _blocks.GetBatchAsync([Key(key)], room, Timeout);
                        if (status[0] != BlockStatus.Done)
                            break;
                        Interlocked.Increment(ref hits);
                        if (!room[0].Span.SequenceEqual(Content(key, length)))
                            Interlocked.Increment(ref wrong);
                        break;
                }
            }
        }));
        await Task.WhenAll(callers);
        Assert.Equal(0, wrong);
        Assert.True(hits > 0);
    }

    private static BlockKey Key(int number) => new((UInt128)number);

    private static byte[] Content(int key, int length)
    {
        var content = new byte[length];
        new Random(key).NextBytes(content);
        return content;
    }

    private async Task<BlockStatus> Put(int key, int length) =>
        (await _blocks.PutBatchAsync([Key(key)], [Content(key, length)], Timeout))[0];

    private async Task<byte[]> Get(int key, int length)
    {
        Memory<byte>[] room = [new byte[length]];
        Assert.Equal([BlockStatus.Done], await _blocks.GetBatchAsync([Key(key)], room, Timeout));
        return room[0].ToArray();
    }

    private async Task<BlockStatus> GetLeased(int key, LeaseId lease)
    {
        Memory<byte>[] room = [new byte[600_000]];
        return (await _blocks.GetBatchAsync([Key(key)], room, Timeout, lease))[0];
    }

    private sealed class ManualClock : TimeProvider
    {
        private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => _now;

        public void Advance(TimeSpan time) => _now += time;
    }
}
