using Fathom.Tiering.BlockLog;
using Fathom.Tiering.BlockLog.Format;
using Fathom.Tiering.BlockLog.Index;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Tests.BlockLog;

public class LookUpTests
{
    private const int Small = 512;

    [Fact]
    public async Task LookUp_OfAStoredChain_IsOneSubmissionWhateverItsLength()
    {
        await using var test = new TestLog(64 << 20, Small);
        var chain = BlockChain.Of(3000);
        await test.PutAsync(chain, lengthBytes: Small);
        foreach (var length in (int[])[1, 2, 254, 255, 256, 510, 511, 1000, 3000])
        {
            var found = test.Log.LookUp(chain.AsMemory(0, length), LookUpWay.StorageFunction);
            Assert.Equal(length, found.Blocks);
            Assert.Equal(1, found.Submissions);
            // A run is as long as runs get, but where its page was full.
            Assert.InRange(found.Hops, (length + IndexPage.RunMax - 1) / IndexPage.RunMax, ((length + IndexPage.RunMax - 1) / IndexPage.RunMax) + 16);
            Assert.Equal(length, test.Log.LookUp(chain.AsMemory(0, length), LookUpWay.Reads).Blocks);
        }
    }

    [Fact]
    public async Task LookUp_OfAPromptThatGoesOn_EndsWhereTheStoreDoes()
    {
        await using var test = new TestLog(32 << 20, Small);
        var chain = BlockChain.Of(700);
        await test.PutAsync(chain, 0, 300, Small);
        Assert.Equal(300, test.Log.LookUp(chain, LookUpWay.StorageFunction).Blocks);
        Assert.Equal(0, test.Log.LookUp(BlockChain.Of(5, branch: 9), LookUpWay.StorageFunction).Blocks);
        Assert.Equal(1, test.Log.LookUp(BlockChain.Of(5, branch: 9), LookUpWay.StorageFunction).Hops);
    }

    [Fact]
    public async Task LookUp_OfAConversationOfManyTurns_ReadsAsFewPagesAsOneOfOneTurn()
    {
        await using var test = new TestLog(32 << 20, Small);
        var chain = BlockChain.Of(200);
        for (var turn = 0; turn < 20; turn++)
            await test.PutAsync(chain, turn * 10, (turn + 1) * 10, Small);
        var found = test.Log.LookUp(chain, LookUpWay.StorageFunction);
        Assert.Equal((200, 1), (found.Blocks, found.Hops));
    }

    [Fact]
    public async Task LookUp_BehindASharedPrompt_FindsEachConversation()
    {
        await using var test = new TestLog(256 << 20, Small);
        var prompt = BlockChain.Of(30);
        await test.PutAsync(prompt, lengthBytes: Small);
        var conversations = Enumerable.Range(1, 200).Select(user => BlockChain.Extend(prompt, 20, user)).ToList();
        foreach (var conversation in conversations)
            Assert.All(await test.PutAsync(conversation, 30, lengthBytes: Small), status => Assert.Equal(KvBlockStatus.Done, status));
        foreach (var conversation in conversations)
        {
            var found = test.Log.LookUp(conversation, LookUpWay.StorageFunction);
            Assert.Equal(50, found.Blocks);
            Assert.InRange(found.Hops, 1, 2);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task LookUp_InRandomTrees_IsThatOfTheReadsAndOfTheModel(int seed)
    {
        await using var test = new TestLog(256 << 20, Small);
        var random = new Random(seed);
        var stored = new HashSet<KvBlockKey>();
        var chains = new List<KvBlockKey[]> { Array.Empty<KvBlockKey>() };
        for (var i = 0; i < 150; i++)
        {
            var from = chains[random.Next(chains.Count)];
            var kept = from[..random.Next(from.Length + 1)];
            var chain = BlockChain.Extend(kept, random.Next(1, random.Next(4) == 0 ? 600 : 30), random.Next(1 << 20));
            chains.Add(chain);
            await test.PutAsync(chain, kept.Length, lengthBytes: Small);
            stored.UnionWith(chain);
        }
        foreach (var chain in chains.Skip(1))
        {
            var asked = BlockChain.Extend(chain[..random.Next(1, chain.Length + 1)], random.Next(3), -1);
            var expected = asked.TakeWhile(stored.Contains).Count();
            Assert.Equal(expected, test.Log.LookUp(asked, LookUpWay.Reads).Blocks);
            var found = test.Log.LookUp(asked, LookUpWay.StorageFunction);
            Assert.Equal((expected, 1), (found.Blocks, found.Submissions));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(255)]
    [InlineData(256)]
    public async Task Walk_WithLittleScratch_GoesOnWhereItStopped(int keysAtOnce)
    {
        await using var test = new TestLog(64 << 20, Small);
        var prompt = BlockChain.Of(600);
        await test.PutAsync(prompt, lengthBytes: Small);
        var chain = BlockChain.Extend(prompt[..400], 300, 5);
        await test.PutAsync(chain, 400, lengthBytes: Small);
        await test.Log.DisposeAsync();
        using var file = LogFile.Open(test.Options);
        var asked = BlockChain.Extend(chain, 4, 77);
        using var walk = new PrefixWalk(file, asked, keysAtOnce);
        while (walk.Take(file.Chains.Engine.Run(walk.Next(TimeSpan.FromSeconds(10), CancellationToken.None))))
        {
        }
        var places = new BlockPlace[asked.Length];
        var (matched, _) = new PrefixIndex(file).WalkPages(asked, places);
        Assert.Equal(700, matched);
        // One key at a time never gets past the one that leads back to its place.
        Assert.Equal(keysAtOnce == 1 ? 1 : 700, walk.Matched);
        Assert.Equal(places.AsSpan(0, walk.Matched).ToArray(), walk.Places.AsSpan(0, walk.Matched).ToArray());
    }
}
