using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Tests.BlockLog;

/// <summary>Random operations against a dictionary of what was stored.</summary>
public class BlockLogModelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Operations_WithRoomForAll_DoWhatTheModelDoes(int seed)
    {
        await using var test = new TestLog(256 << 20, 4 << 10);
        var random = new Random(seed);
        var stored = new HashSet<KvBlockKey>();
        var chains = new List<KvBlockKey[]> { Array.Empty<KvBlockKey>() };
        for (var step = 0; step < 300; step++)
        {
            var chain = chains[random.Next(chains.Count)];
            switch (random.Next(10))
            {
                case < 4:
                    var kept = chain[..random.Next(chain.Length + 1)];
                    var longer = BlockChain.Extend(kept, random.Next(1, 40), random.Next(1 << 20));
                    await PutMissingAsync(test, longer, stored);
                    chains.Add(longer);
                    break;
                case < 6:
                    await PutMissingAsync(test, chain, stored);
                    break;
                case < 9:
                    Assert.Equal(chain.TakeWhile(stored.Contains).Count(), chain.Length == 0 ? 0 : await test.ReadPrefixAsync(chain, Length));
                    break;
                default:
                    if (chain.Length > 0 && random.Next(3) == 0)
                    {
                        await test.ReopenAsync();
                    }
                    else if (chain.Length > 0 && await test.MatchAsync(chain) is > 0 and var matched)
                    {
                        var key = chain[random.Next(matched)];
                        Assert.Equal(KvBlockStatus.Done, test.Log.Remove(key));
                        Assert.Equal(KvBlockStatus.Missing, test.Log.Remove(key));
                        stored.Remove(key);
                    }
                    break;
            }
        }
        foreach (var chain in chains.Skip(1))
            Assert.Equal(chain.TakeWhile(stored.Contains).Count(), await test.ReadPrefixAsync(chain, Length));
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public async Task Operations_BeyondTheCapacity_GiveRightBytesOrAMiss(int seed)
    {
        await using var test = new TestLog(16 << 20);
        var random = new Random(seed);
        var chains = new List<KvBlockKey[]>();
        var hits = 0;
        for (var step = 0; step < 250; step++)
        {
            if (chains.Count == 0 || random.Next(3) == 0)
                chains.Add(BlockChain.Of(random.Next(1, 60), random.Next()));
            // Some chains are asked for far more often than others.
            var chain = chains[^Math.Min(chains.Count, 1 + (int)(chains.Count * Math.Pow(random.NextDouble(), 3)))];
            var readable = await test.ReadPrefixAsync(chain);
            hits += Math.Max(0, readable);
            if (readable < chain.Length)
                Assert.DoesNotContain(KvBlockStatus.Failed, await test.PutAsync(chain, Math.Max(0, readable)));
            Assert.InRange(test.Log.Usage.Bytes, 0, test.Options.CapacityBytes);
            if (random.Next(40) == 0)
                await test.ReopenAsync();
        }
        Assert.True(test.Log.Usage.Blocks > 0 && hits > 0);
        Assert.Equal(test.Options.CapacityBytes, Math.Max(test.Options.CapacityBytes, new FileInfo(test.FilePath).Length));
    }

    [Fact]
    public async Task Put_OfChildrenBeforeTheirParents_CanBeMatchedOnceAllAreThere()
    {
        await using var test = new TestLog();
        var chain = BlockChain.Of(12);
        await test.PutAsync(chain, 8);
        await test.PutAsync(chain, 4, 8);
        Assert.Equal(0, await test.MatchAsync(chain));
        await test.PutAsync(chain, 0, 4);
        Assert.Equal(12, await test.ReadPrefixAsync(chain));
    }

    [Fact]
    public async Task Put_OfAParentThatIsNotKnownAnyMore_IsFoundByTheNextLookUp()
    {
        await using var test = new TestLog();
        var chain = BlockChain.Of(20);
        await test.PutAsync(chain, 0, 10);
        await test.ReopenAsync(); // what was known is forgotten
        Assert.All(await test.PutAsync(chain, 10), status => Assert.Equal(KvBlockStatus.Done, status));
        Assert.Equal(20, await test.ReadPrefixAsync(chain));
    }

    [Fact]
    public async Task Put_OfAStoredBlock_ChangesNothing()
    {
        await using var test = new TestLog();
        var chain = BlockChain.Of(5);
        await test.PutAsync(chain);
        var before = test.Log.Usage;
        Assert.All(await test.PutAsync(chain), status => Assert.Equal(KvBlockStatus.AlreadyThere, status));
        Assert.Equal(before, test.Log.Usage);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(40_000)]
    public async Task Get_OfAnyLength_GivesTheBytes(int lengthBytes)
    {
        await using var test = new TestLog();
        var chain = BlockChain.Of(3);
        await test.PutAsync(chain, lengthBytes: lengthBytes);
        Assert.Equal(3, await test.ReadPrefixAsync(chain, lengthBytes));
        Assert.All(await test.GetAsync(chain, lengthBytes + 1), status => Assert.Equal(KvBlockStatus.WrongLength, status));
    }

    [Fact]
    public async Task Put_OfABlockThatNoSegmentHolds_HasNoRoom()
    {
        await using var test = new TestLog();
        var chain = BlockChain.Of(1);
        Assert.Equal([KvBlockStatus.NoRoom], await test.PutAsync(chain, lengthBytes: test.Log.BlockBytesMax + 1));
        Assert.Equal([KvBlockStatus.Done], await test.PutAsync(chain, lengthBytes: test.Log.BlockBytesMax));
    }

    private const int Length = 4 << 10;

    /// <summary>Stores what a tier's user would: what follows the prefix that is there.</summary>
    private static async Task PutMissingAsync(TestLog test, KvBlockKey[] chain, HashSet<KvBlockKey> stored)
    {
        if (chain.Length == 0)
            return;
        var matched = await test.MatchAsync(chain);
        Assert.Equal(chain.TakeWhile(stored.Contains).Count(), matched);
        var statuses = await test.PutAsync(chain, matched, lengthBytes: Length);
        Assert.All(statuses, status => Assert.True(status is KvBlockStatus.Done or KvBlockStatus.AlreadyThere, status.ToString()));
        stored.UnionWith(chain);
    }
}
