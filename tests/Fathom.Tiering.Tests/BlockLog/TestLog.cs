using Fathom.Memory;
using Fathom.Tiering.BlockLog;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Tiering.Tests.BlockLog;

/// <summary>A block log in a folder of its own, with calls that wait.</summary>
internal sealed class TestLog : IAsyncDisposable
{
    public const int BlockBytes = 12 << 10;

    private readonly string _folder = Directory.CreateTempSubdirectory("fathom-block-log-").FullName;

    public TestLog(long capacityBytes = 16 << 20, int blockBytes = BlockBytes)
    {
        Options = new BlockLogOptions { Path = Path.Combine(_folder, "kv.log"), CapacityBytes = capacityBytes, BlockBytes = blockBytes };
        Log = Open();
    }

    public BlockLogOptions Options { get; set; }

    public KvBlockLog Log { get; private set; }

    public string FilePath => Options.Path;

    public KvBlockLog Open() => KvBlockLog.Open(Options, NullLogger.Instance);

    /// <summary>Closes the log, lets something happen to the file, opens it again.</summary>
    public async Task ReopenAsync(Action<FileStream>? between = null)
    {
        await Log.DisposeAsync();
        if (between is not null)
        {
            using var file = new FileStream(FilePath, FileMode.Open, FileAccess.ReadWrite);
            between(file);
        }
        Log = Open();
    }

    public async Task<KvBlockStatus[]> PutAsync(KvBlockKey[] chain, int first = 0, int? end = null, int lengthBytes = BlockBytes)
    {
        var count = (end ?? chain.Length) - first;
        using var memory = NativeBuffer.Allocate((long)count * lengthBytes, 4096);
        var puts = new KvBlockPut[count];
        for (var i = 0; i < count; i++)
        {
            var content = memory.View.Slice((long)i * lengthBytes, lengthBytes);
            BlockChain.Fill(content.AsSpan<byte>(), chain[first + i]);
            puts[i] = new KvBlockPut(chain[first + i], BlockChain.ParentOf(chain, first + i), first + i, content);
        }
        var statuses = new KvBlockStatus[count];
        await Log.PutBatchAsync(puts, statuses, CancellationToken.None);
        return statuses;
    }

    public async Task<int> MatchAsync(KvBlockKey[] chain)
    {
        var match = await Log.MatchPrefixAsync(BlockChain.Root, chain, CancellationToken.None);
        Log.Release(match.Lease);
        return match.HasFailed ? -1 : match.Blocks;
    }

    /// <summary>Reads blocks; whatever is done must hold the right bytes.</summary>
    public async Task<KvBlockStatus[]> GetAsync(KvBlockKey[] keys, int lengthBytes = BlockBytes)
    {
        using var memory = NativeBuffer.Allocate((long)keys.Length * RoundUp(lengthBytes), 4096);
        var places = keys.Select((_, i) => memory.View.Slice((long)i * RoundUp(lengthBytes), lengthBytes)).ToArray();
        var statuses = new KvBlockStatus[keys.Length];
        await Log.GetBatchAsync(keys, places, statuses, CancellationToken.None);
        var expected = new byte[lengthBytes];
        for (var i = 0; i < keys.Length; i++)
        {
            if (statuses[i] != KvBlockStatus.Done)
                continue;
            BlockChain.Fill(expected, keys[i]);
            Assert.True(places[i].AsSpan<byte>().SequenceEqual(expected), $"block {i} has other bytes");
        }
        return statuses;
    }

    /// <summary>Length of the prefix that is matched and whose every block reads right.</summary>
    public async Task<int> ReadPrefixAsync(KvBlockKey[] chain, int lengthBytes = BlockBytes)
    {
        var matched = await MatchAsync(chain);
        if (matched <= 0)
            return matched;
        var statuses = await GetAsync(chain[..matched], lengthBytes);
        var bad = Array.FindIndex(statuses, status => status != KvBlockStatus.Done);
        return bad < 0 ? matched : bad;
    }

    public async ValueTask DisposeAsync()
    {
        await Log.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static long RoundUp(int bytes) => (bytes + 4095L) / 4096 * 4096;
}
