using Fathom.Memory;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Tests.BlockLog;

public class ReclaimTests
{
    [Fact]
    public async Task Blocks_UnderALease_StayWhileEverythingElseMakesWay()
    {
        await using var test = new TestLog(16 << 20);
        var held = BlockChain.Of(10, 1);
        await test.PutAsync(held);
        var match = await test.Log.MatchPrefixAsync(BlockChain.Root, held, CancellationToken.None);
        Assert.Equal(10, match.Blocks);
        await FillAsync(test, 3000, first: 100);
        Assert.True(test.Log.Usage.EvictedBlocks > 1000);
        Assert.All(await test.GetAsync(held), status => Assert.Equal(KvBlockStatus.Done, status));
        Assert.Equal(KvBlockStatus.Held, test.Log.Remove(held[3]));
        test.Log.Release(match.Lease);
        Assert.Equal(KvBlockStatus.Done, test.Log.Remove(held[3]));
    }

    [Fact]
    public async Task Lease_WhoseTimeIsOver_HoldsNothing()
    {
        await using var test = new TestLog();
        var time = new StillTime();
        test.Options = test.Options with { Time = time, LeaseTime = TimeSpan.FromSeconds(5) };
        await test.ReopenAsync();
        var chain = BlockChain.Of(2);
        await test.PutAsync(chain);
        await test.Log.MatchPrefixAsync(BlockChain.Root, chain, CancellationToken.None);
        Assert.Equal(KvBlockStatus.Held, test.Log.Remove(chain[1]));
        time.Now += TimeSpan.FromSeconds(6);
        Assert.Equal(KvBlockStatus.Done, test.Log.Remove(chain[1]));
    }

    [Fact]
    public async Task Blocks_InUse_OutliveThoseThatNobodyAsksFor()
    {
        await using var test = new TestLog(16 << 20);
        var used = BlockChain.Of(20, 1);
        var unused = BlockChain.Of(20, 2);
        await test.PutAsync(used);
        await FillAsync(test, 200, first: 500); // segments stay or go as a whole
        await test.PutAsync(unused);
        for (var round = 0; round < 12; round++)
        {
            await FillAsync(test, 300, first: 1000 + (round * 1000));
            Assert.Equal(20, await test.ReadPrefixAsync(used));
        }
        Assert.True(await test.ReadPrefixAsync(unused) < 20);
    }

    [Fact]
    public async Task Put_WhenLeasesHoldAllSegments_HasNoRoomAndHarmsNothing()
    {
        await using var test = new TestLog(16 << 20);
        var leases = new List<KvLease>();
        var chains = new List<KvBlockKey[]>();
        KvBlockStatus[] statuses;
        do
        {
            var chain = BlockChain.Of(10, 100 + chains.Count);
            statuses = await test.PutAsync(chain);
            if (Array.TrueForAll(statuses, status => status == KvBlockStatus.Done))
            {
                chains.Add(chain);
                leases.Add((await test.Log.MatchPrefixAsync(BlockChain.Root, chain, CancellationToken.None)).Lease);
            }
            Assert.InRange(chains.Count, 0, 2000);
        }
        while (!statuses.Contains(KvBlockStatus.NoRoom));
        foreach (var chain in chains)
            Assert.Equal(10, await test.ReadPrefixAsync(chain));
        leases.ForEach(test.Log.Release);
        Assert.All(await test.PutAsync(BlockChain.Of(10, 99_999)), status => Assert.Equal(KvBlockStatus.Done, status));
    }

    [Fact]
    public async Task Readers_WhileSegmentsAreReclaimed_GetRightBytesOrAMiss()
    {
        await using var test = new TestLog(16 << 20);
        var chains = Enumerable.Range(0, 40).Select(i => BlockChain.Of(20, i)).ToList();
        foreach (var chain in chains)
            await test.PutAsync(chain);
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 3).Select(reader => Task.Run(async () =>
        {
            var random = new Random(reader);
            while (!stop.IsCancellationRequested)
            {
                var chain = chains[random.Next(chains.Count)];
                // The helper compares every byte that was read.
                Assert.InRange(await test.ReadPrefixAsync(chain), 0, chain.Length);
            }
        })).ToList();
        await FillAsync(test, 4000, first: 10_000);
        await stop.CancelAsync();
        await Task.WhenAll(readers);
        Assert.Equal(0, test.Log.Usage.CorruptBlocks);
    }

    [Fact]
    public async Task Cancelled_Calls_SayCancelledAndTouchNothing()
    {
        await using var test = new TestLog();
        var chain = BlockChain.Of(4);
        await test.PutAsync(chain);
        Assert.Equal(4, await test.MatchAsync(chain));
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        using var memory = NativeBuffer.Allocate(4 * TestLog.BlockBytes, 4096);
        var places = Enumerable.Range(0, 4).Select(i => memory.View.Slice((long)i * TestLog.BlockBytes, TestLog.BlockBytes)).ToArray();
        var statuses = new KvBlockStatus[4];
        await test.Log.GetBatchAsync(chain, places, statuses, cancelled.Token);
        Assert.All(statuses, status => Assert.Equal(KvBlockStatus.Cancelled, status));
        Assert.Equal(-1, memory.View.AsSpan<byte>().IndexOfAnyExcept((byte)0));
        await test.Log.PutBatchAsync(new KvBlockPut[] { new(BlockChain.Child(chain[3], 7), chain[3], 4, places[0]) }, statuses, cancelled.Token);
        Assert.Equal(KvBlockStatus.Cancelled, statuses[0]);
        Assert.True((await test.Log.MatchPrefixAsync(BlockChain.Root, chain, cancelled.Token)).HasFailed);
    }

    private static async Task FillAsync(TestLog test, int blocks, int first)
    {
        for (var chain = first; blocks > 0; chain++, blocks -= 25)
            await test.PutAsync(BlockChain.Of(25, chain));
    }

    private sealed class StillTime : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
