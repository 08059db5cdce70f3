using Fathom.Serving.KvCache;

namespace Fathom.Serving.Tests.KvCache;

public class KvBlockPoolTests
{
    [Fact]
    public void TryAllocate_AllTaken_SaysNo()
    {
        var pool = new KvBlockPool(3);
        for (int i = 0; i < 3; i++)
            Assert.True(pool.TryAllocate(out _));

        Assert.False(pool.TryAllocate(out _));
        Assert.Equal((0, 0, 3), (pool.Free, pool.Cached, pool.Used));
    }

    [Fact]
    public void Release_IndexedBlock_StaysFindableUntilItsPlaceIsNeeded()
    {
        var pool = new KvBlockPool(2);
        PrefixHash content = PrefixHash.Root.Extend(Tokens(1));
        pool.TryAllocate(out BlockId block);
        pool.Index(block, content);
        pool.Release(block);
        Assert.Equal((1, 1, 0), (pool.Free, pool.Cached, pool.Used));

        Assert.True(pool.TryFind(content, out BlockId found));
        Assert.Equal(block, found);
        pool.TryAllocate(out _);
        Assert.True(pool.TryFind(content, out _));
        pool.TryAllocate(out BlockId last);
        Assert.Equal(block, last);
        Assert.False(pool.TryFind(content, out _));
        pool.Verify();
    }

    [Fact]
    public void TryAllocate_ManyCached_ForgetsTheLeastRecentlyReleased()
    {
        var pool = new KvBlockPool(3);
        PrefixHash[] contents = [.. Enumerable.Range(0, 3).Select(i => PrefixHash.Root.Extend(Tokens(i)))];
        BlockId[] blocks = new BlockId[3];
        for (int i = 0; i < 3; i++)
        {
            pool.TryAllocate(out blocks[i]);
            pool.Index(blocks[i], contents[i]);
        }

        foreach (int i in (int[])[1, 0, 2])
            pool.Release(blocks[i]);
        // Used again in between: now the most recent.
        pool.Share(blocks[1]);
        pool.Release(blocks[1]);
        pool.Verify();

        pool.TryAllocate(out BlockId first);
        pool.TryAllocate(out BlockId second);

        Assert.Equal([blocks[0], blocks[2]], [first, second]);
        Assert.True(pool.TryFind(contents[1], out _));
    }

    [Fact]
    public void Index_SameContentTwice_KeepsTheFirst()
    {
        var pool = new KvBlockPool(4);
        PrefixHash content = PrefixHash.Root.Extend(Tokens(1));
        pool.TryAllocate(out BlockId first);
        pool.TryAllocate(out BlockId second);
        pool.Index(first, content);
        pool.Index(second, content);

        pool.TryFind(content, out BlockId found);
        Assert.Equal(first, found);
        pool.Release(second);
        Assert.Equal(0, pool.Cached);
        pool.Verify();
    }

    [Fact]
    public void Extend_SameTokensAfterAnotherParent_IsAnotherContent()
    {
        PrefixHash one = PrefixHash.Root.Extend(Tokens(1)).Extend(Tokens(3));
        PrefixHash other = PrefixHash.Root.Extend(Tokens(2)).Extend(Tokens(3));

        Assert.NotEqual(one, other);
        Assert.Equal(one, PrefixHash.Root.Extend(Tokens(1)).Extend(Tokens(3)));
        Assert.NotEqual(PrefixHash.Root.Extend(Tokens(3)), one);
    }

    private static int[] Tokens(int seed) => [.. Enumerable.Range(0, 16).Select(i => (seed * 100) + i)];
}
