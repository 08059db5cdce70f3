using Fathom.Memory;
using Fathom.Storage.Files;
using Fathom.Tiering.BlockLog;
using Fathom.Tiering.BlockLog.Format;
using Fathom.Tiering.BlockLog.Segments;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Tiering.Tests.BlockLog;

public class DamagedLogTests
{
    [Fact]
    public async Task Get_OfABlockWithAFlippedBit_IsCorruptOnceThenMissingAndCanBeStoredAgain()
    {
        await using var test = new TestLog();
        var chain = BlockChain.Of(30);
        await test.PutAsync(chain);
        FlipLive(test.FilePath, FindBlock(test.FilePath, chain[12]));
        Assert.Equal(30, await test.MatchAsync(chain));
        var statuses = await test.GetAsync(chain);
        Assert.Equal(KvBlockStatus.Corrupt, statuses[12]);
        Assert.Equal(29, statuses.Count(status => status == KvBlockStatus.Done));
        Assert.Equal(1, test.Log.Usage.CorruptBlocks);
        Assert.Equal(12, await test.MatchAsync(chain));
        Assert.Equal([KvBlockStatus.Done], await test.PutAsync(chain, 12, 13));
        // What followed it had stayed where it was.
        Assert.Equal(30, await test.ReadPrefixAsync(chain));
    }

    [Fact]
    public async Task LookUp_OnADamagedPage_IsAMissUntilThePageIsMadeAnew()
    {
        await using var test = new TestLog();
        var chains = Enumerable.Range(0, 50).Select(branch => BlockChain.Of(8, branch)).ToList();
        foreach (var chain in chains)
            await test.PutAsync(chain);
        var forks = chains.Select((chain, i) => BlockChain.Extend(chain[..4], 4, 1000 + i)).ToList();
        foreach (var fork in forks)
            await test.PutAsync(fork, 4);
        var pages = test.Options.Divide(0).IndexPages;
        for (uint page = 0; page < pages; page++)
            FlipLive(test.FilePath, LogHeader.PageOffsetBytes(page) + 100);
        Assert.Equal(-1, await test.MatchAsync(chains[0]));
        foreach (var chain in chains.Concat(forks))
        {
            await test.MatchAsync(chain);
            await test.Log.RepairsAsync();
            await test.MatchAsync(chain); // of a fork the second page
            await test.Log.RepairsAsync();
        }
        foreach (var chain in chains.Concat(forks))
            Assert.Equal(8, await test.ReadPrefixAsync(chain));
    }

    [Fact]
    public async Task Open_WithADamagedSegmentHeader_LosesThatSegmentOnly()
    {
        await using var test = new TestLog();
        var chains = Enumerable.Range(0, 30).Select(branch => BlockChain.Of(10, branch)).ToList();
        foreach (var chain in chains)
            await test.PutAsync(chain);
        await test.ReopenAsync(file => FlipIn(file, (long)test.Options.Divide(0).FirstSegmentUnit * LogFile.UnitBytes));
        var readable = new List<int>();
        foreach (var chain in chains)
            readable.Add(await test.ReadPrefixAsync(chain));
        Assert.Contains(10, readable);
        Assert.Equal(0, readable[0]);
        foreach (var chain in chains)
            await test.PutAsync(chain, await test.MatchAsync(chain));
        foreach (var chain in chains)
            Assert.Equal(10, await test.ReadPrefixAsync(chain));
    }

    [Fact]
    public async Task ReadEntries_WithADamagedSummary_ReadsTheFrames()
    {
        await using var test = new TestLog();
        for (var branch = 0; branch < 30; branch++)
            await test.PutAsync(BlockChain.Of(10, branch));
        await test.Log.DisposeAsync();
        using var file = LogFile.Open(test.Options);
        var segment = new LogSegment(0, file.Header.FirstSegmentUnit);
        var reader = new SegmentReader(file);
        var header = reader.ReadHeader(segment)!.Value;
        Assert.Equal(SegmentState.Sealed, header.State);
        segment.Generation = header.Generation;
        var whole = reader.ReadEntries(segment);
        Assert.Equal(header.Blocks, whole.Count);
        FlipLive(test.FilePath, ((long)segment.FirstUnit + header.UsedUnits) * LogFile.UnitBytes);
        Assert.Equal(whole, reader.ReadEntries(segment));
    }

    [Fact]
    public async Task Open_WithOneDamagedHeader_ReadsTheOther()
    {
        await using var test = new TestLog();
        var chain = BlockChain.Of(3);
        await test.PutAsync(chain);
        await test.ReopenAsync(file => FlipIn(file, 20));
        Assert.Equal(3, await test.ReadPrefixAsync(chain));
    }

    [Fact]
    public async Task Open_OfSomethingElse_SaysWhat()
    {
        await using var test = new TestLog();
        await test.Log.DisposeAsync();
        var bytes = File.ReadAllBytes(test.FilePath);

        Expect(test, bytes => bytes.AsSpan(0, 8192).Clear(), "is not a block log");
        Expect(test, bytes => { bytes[8] = 9; bytes[4096 + 8] = 9; }, "has version 9 of the format");
        Expect(test, bytes => { bytes[30]++; bytes[4096 + 30]++; }, "has a damaged header");
        File.WriteAllBytes(test.FilePath, bytes[..100]);
        Assert.Contains("too short", Refusal(test.Options), StringComparison.Ordinal);
        File.WriteAllBytes(test.FilePath, bytes[..(1 << 20)]);
        Assert.Contains($"has {1 << 20} of its", Refusal(test.Options), StringComparison.Ordinal);
        File.WriteAllBytes(test.FilePath, bytes);
        Assert.Contains("was made for 16777216 bytes, not 33554432", Refusal(test.Options with { CapacityBytes = 32 << 20 }), StringComparison.Ordinal);

        void Expect(TestLog test, Action<byte[]> change, string problem)
        {
            var changed = (byte[])bytes.Clone();
            change(changed);
            File.WriteAllBytes(test.FilePath, changed);
            Assert.Contains(problem, Refusal(test.Options), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Open_Twice_IsRefused()
    {
        await using var test = new TestLog();
        Assert.Contains("is in use", Refusal(test.Options), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_WithTooLittleCapacity_NamesTheLeast()
    {
        await using var test = new TestLog();
        var least = BlockLogOptions.CapacityBytesMin(1 << 20);
        var options = test.Options with { Path = test.FilePath + "2", BlockBytes = 1 << 20, CapacityBytes = least - 1 };
        Assert.Contains($"{least}", Refusal(options), StringComparison.Ordinal);
        await using var log = KvBlockLog.Open(options with { CapacityBytes = least }, NullLogger.Instance);
        Assert.Equal(least, log.Usage.CapacityBytes);
    }

    [Fact]
    public async Task Open_WithoutRoomOnTheDrive_IsRefusedAndLeavesNoFile()
    {
        await using var test = new TestLog();
        var options = test.Options with { Path = test.FilePath + "2", CapacityBytes = 8L << 40, BlockBytes = 16 << 20 };
        Assert.Contains("cannot be used", Refusal(options), StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(test.FilePath)!));
    }

    [Fact]
    public async Task Open_InAFolderThatIsNotThere_IsRefused()
    {
        await using var test = new TestLog();
        Assert.Contains("cannot be used", Refusal(test.Options with { Path = "/nowhere/kv.log" }), StringComparison.Ordinal);
    }

    private static string Refusal(BlockLogOptions options) =>
        Assert.Throws<KvTierException>(() => KvBlockLog.Open(options, NullLogger.Instance)).Message;

    /// <summary>Where the bytes of a block lie.</summary>
    private static long FindBlock(string path, KvBlockKey key)
    {
        var content = new byte[64];
        BlockChain.Fill(content, key);
        using var handle = FileSync.OpenForWriting(path, direct: true);
        using var buffer = NativeBuffer.Allocate(LogFile.UnitBytes, LogFile.UnitBytes);
        var unit = buffer.AsSpan<byte>(0, LogFile.UnitBytes);
        for (long offset = 0; RandomAccess.Read(handle, unit, offset) == unit.Length; offset += unit.Length)
        {
            if (unit[..16].SequenceEqual(content.AsSpan(0, 16)))
                return offset;
        }
        throw new InvalidOperationException("The block is not in the file.");
    }

    /// <summary>Changes a bit of a file that a log holds.</summary>
    private static void FlipLive(string path, long offset)
    {
        using var handle = FileSync.OpenForWriting(path, direct: true);
        using var buffer = NativeBuffer.Allocate(LogFile.UnitBytes, LogFile.UnitBytes);
        var unit = buffer.AsSpan<byte>(0, LogFile.UnitBytes);
        var start = offset / LogFile.UnitBytes * LogFile.UnitBytes;
        _ = RandomAccess.Read(handle, unit, start);
        unit[(int)(offset - start)] ^= 0x10;
        RandomAccess.Write(handle, unit, start);
    }

    private static void FlipIn(FileStream file, long offset)
    {
        file.Position = offset;
        var value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ 0x10));
        file.Flush();
    }
}
