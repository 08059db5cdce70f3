using Fathom.FarMemory.BlockStore;
using Fathom.FarMemory.Pool;
using Fathom.Memory;
using Fathom.Tiering.Far;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Tests.Far;

public sealed class FarTierTests : IDisposable
{
    private const int BlockBytes = 10_000;
    private static readonly KvBlockKey Root = new(99);

    private readonly InProcessFarPool _pool = new(1L << 30);
    private readonly NativeBuffer _memory = NativeBuffer.Allocate(64 * 12_288, 4096);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public async Task Blocks_ThatWereStored_AreMatchedAndRead()
    {
        using var store = new FarBlockStore(_pool, new BlockStoreOptions { CapacityBytes = 1 << 20 });
        await using var tier = new FarTier(store.Open(FarTier.Namespace), TimeSpan.FromSeconds(5));
        var keys = Keys(5);
        Assert.All(await PutAsync(tier, keys[..4]), status => Assert.Equal(KvBlockStatus.Done, status));

        var match = await tier.MatchPrefixAsync(Root, keys, CancellationToken.None);
        var statuses = new KvBlockStatus[5];
        await tier.GetBatchAsync(keys, Views(32, 5), statuses, CancellationToken.None);

        Assert.Equal(4, match.Blocks);
        Assert.Equal([KvBlockStatus.Done, KvBlockStatus.Done, KvBlockStatus.Done, KvBlockStatus.Done, KvBlockStatus.Missing], statuses);
        for (var i = 0; i < 4; i++)
            Assert.True(View(32 + i).AsSpan<byte>().SequenceEqual(View(i).AsSpan<byte>()), $"block {i} came back with other bytes");
        Assert.Equal(4, tier.Usage.Blocks);
        Assert.Equal(4 * BlockBytes, tier.Usage.Bytes);
    }

    [Fact]
    public async Task BlockThatIsThere_IsNotWrittenAgain()
    {
        using var store = new FarBlockStore(_pool, new BlockStoreOptions { CapacityBytes = 1 << 20 });
        await using var tier = new FarTier(store.Open(FarTier.Namespace), TimeSpan.FromSeconds(5));
        await PutAsync(tier, Keys(1));

        Assert.Equal([KvBlockStatus.AlreadyThere], await PutAsync(tier, Keys(1)));
        Assert.Equal(1, tier.Usage.Blocks);
    }

    [Fact]
    public async Task FullTier_LetsTheOldestGo()
    {
        using var store = new FarBlockStore(_pool, new BlockStoreOptions { CapacityBytes = 4 * BlockBytes });
        await using var tier = new FarTier(store.Open(FarTier.Namespace), TimeSpan.FromSeconds(5));
        var keys = Keys(6);
        await PutAsync(tier, keys[..4]);

        Assert.All(await PutAsync(tier, keys[4..]), status => Assert.Equal(KvBlockStatus.Done, status));

        Assert.Equal(2, tier.Usage.EvictedBlocks);
        Assert.Equal(0, (await tier.MatchPrefixAsync(Root, keys, CancellationToken.None)).Blocks);
        Assert.Equal(4, (await tier.MatchPrefixAsync(Root, keys.AsMemory(2), CancellationToken.None)).Blocks);
    }

    private static KvBlockKey[] Keys(int count) => [.. Enumerable.Range(1, count).Select(i => new KvBlockKey((UInt128)i))];

    private async Task<KvBlockStatus[]> PutAsync(FarTier tier, KvBlockKey[] keys)
    {
        var puts = keys.Select((key, i) => new KvBlockPut(key, Root, i, View(i))).ToArray();
        for (var i = 0; i < keys.Length; i++)
            new Random((int)keys[i].Hash).NextBytes(View(i).AsSpan<byte>());
        var statuses = new KvBlockStatus[keys.Length];
        await tier.PutBatchAsync(puts, statuses, CancellationToken.None);
        return statuses;
    }

    private NativeView View(int index) => _memory.View.Slice(index * 12_288L, BlockBytes);

    private NativeView[] Views(int first, int count) => [.. Enumerable.Range(first, count).Select(View)];
}
