using Fathom.Tiering.BlockLog;
using Fathom.Tiering.BlockLog.Format;

namespace Fathom.Tiering.Tests.BlockLog;

public class RecoveryTests
{
    [Fact]
    public async Task Reopen_AfterAnEnd_HasEverything()
    {
        await using var test = new TestLog(32 << 20);
        var chains = Enumerable.Range(0, 40).Select(branch => BlockChain.Of(15, branch)).ToList();
        foreach (var chain in chains)
            await test.PutAsync(chain);
        await test.ReopenAsync();
        Assert.Equal(600, test.Log.Usage.Blocks);
        foreach (var chain in chains)
            Assert.Equal(15, await test.ReadPrefixAsync(chain));
    }

    /// <summary>The file as each boundary of the last write leaves it: what was acknowledged before is whole, the last batch is not there, and the log goes on.</summary>
    [Fact]
    public async Task Reopen_WithAFrameTornAtAnyBoundary_HasWhatWasAcknowledgedBefore()
    {
        await using var test = new TestLog(blockBytes: 4096);
        const int Length = 6000;
        var first = BlockChain.Of(5, 1);
        var last = BlockChain.Of(5, 2);
        await test.PutAsync(first, lengthBytes: Length);
        await test.Log.DisposeAsync();
        var before = File.ReadAllBytes(test.FilePath);
        await test.ReopenAsync();
        await test.PutAsync(last, lengthBytes: Length);
        await test.Log.DisposeAsync();
        var after = File.ReadAllBytes(test.FilePath);
        var (start, end) = LogSpan(before, after, test.Options);
        for (var cut = start; cut <= end; cut += 512)
        {
            // The frame up to the boundary and nothing of the index, which is written after it.
            var torn = (byte[])before.Clone();
            after.AsSpan(start, cut - start).CopyTo(torn.AsSpan(start));
            File.WriteAllBytes(test.FilePath, torn);
            await test.ReopenAsync();
            Assert.Equal(5, await test.ReadPrefixAsync(first, Length));
            var expected = cut == end || after.AsSpan(cut, end - cut).IndexOfAnyExcept((byte)0) < 0 ? 5 : 0;
            Assert.Equal(expected, await test.ReadPrefixAsync(last, Length));
            await test.PutAsync(last, lengthBytes: Length);
            Assert.Equal(5, await test.ReadPrefixAsync(last, Length));
            await test.ReopenAsync();
            Assert.Equal(5, await test.ReadPrefixAsync(last, Length));
            await test.Log.DisposeAsync();
        }
    }

    /// <summary>The index pages of an acknowledged write torn or not written at all: the log puts the blocks back.</summary>
    [Fact]
    public async Task Reopen_WithIndexPagesTornAtAnyBoundary_HasEverything()
    {
        await using var test = new TestLog(blockBytes: 4096);
        var prompt = BlockChain.Of(5, 1);
        var chain = BlockChain.Extend(prompt, 5, 2);
        await test.PutAsync(prompt);
        await test.Log.DisposeAsync();
        var before = File.ReadAllBytes(test.FilePath);
        await test.ReopenAsync();
        await test.MatchAsync(prompt);
        await test.PutAsync(chain, 5);
        await test.Log.DisposeAsync();
        var after = File.ReadAllBytes(test.FilePath);
        var page = (int)LogHeader.PageOffsetBytes(test.Options.Divide(0).PageOf(chain[0]));
        for (var cut = 0; cut <= IndexPage.Bytes; cut += 512)
        {
            var torn = (byte[])after.Clone();
            before.AsSpan(page + cut, IndexPage.Bytes - cut).CopyTo(torn.AsSpan(page + cut));
            File.WriteAllBytes(test.FilePath, torn);
            await test.ReopenAsync();
            await test.MatchAsync(chain);
            await test.Log.RepairsAsync();
            Assert.Equal(10, await test.ReadPrefixAsync(chain));
            await test.Log.DisposeAsync();
        }
    }

    [Fact]
    public async Task Reopen_WhenTheLastSegmentWasLeftOpen_GoesOnInIt()
    {
        await using var test = new TestLog();
        for (var round = 0; round < 30; round++)
        {
            await test.PutAsync(BlockChain.Of(1, round));
            await test.ReopenAsync();
        }
        Assert.Equal(30, test.Log.Usage.Blocks);
        Assert.Equal(0, test.Log.Usage.EvictedBlocks);
        for (var round = 0; round < 30; round++)
            Assert.Equal(1, await test.ReadPrefixAsync(BlockChain.Of(1, round)));
    }

    /// <summary>First and last offset of what the second image has other than the first, in the segments.</summary>
    private static (int Start, int End) LogSpan(byte[] before, byte[] after, BlockLogOptions options)
    {
        var segments = (int)(options.Divide(0).FirstSegmentUnit * (uint)LogFile.UnitBytes);
        var start = segments + before.AsSpan(segments).CommonPrefixLength(after.AsSpan(segments));
        var end = after.Length;
        while (before[end - 1] == after[end - 1])
            end--;
        return (start / 512 * 512, (end + 511) / 512 * 512);
    }
}
