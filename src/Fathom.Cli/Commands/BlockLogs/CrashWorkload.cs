using Fathom.Memory;
using Fathom.Tiering.BlockLog;
using Fathom.Tiering.Tiers;

namespace Fathom.Cli.Commands.BlockLogs;

/// <summary>What a crash test's writer stores: conversations that grow by a few blocks at a time, in turn.</summary>
internal static class CrashWorkload
{
    public const int Conversations = 24;
    public const int BlocksMax = 400;
    private const int BlockBytes = 20_000;

    /// <summary>Room for all that a writer stores, so that nothing makes way.</summary>
    public static BlockLogOptions Options(string path) => new() { Path = path, CapacityBytes = 384 << 20, BlockBytes = BlockBytes };

    public static KvBlockKey[] Chain(int seed, int conversation) => KeyChain.Make([], BlocksMax, (seed * 1000) + conversation);

    /// <summary>Stores the next blocks of a conversation.</summary>
    /// <returns>How many of its blocks are stored now.</returns>
    public static async Task<int> StoreAsync(KvBlockLog log, KvBlockKey[] chain, int first, int count, CancellationToken cancellation)
    {
        count = Math.Min(count, chain.Length - first);
        using var memory = NativeBuffer.Allocate((long)count * RoundedBytes, 4096);
        var puts = new KvBlockPut[count];
        for (var i = 0; i < count; i++)
        {
            var content = memory.View.Slice((long)i * RoundedBytes, BlockBytes);
            KeyChain.Fill(content.AsSpan<byte>(), chain[first + i]);
            puts[i] = new KvBlockPut(chain[first + i], KeyChain.ParentOf(chain, first + i), first + i, content);
        }
        var statuses = new KvBlockStatus[count];
        await log.PutBatchAsync(puts, statuses, cancellation);
        return first + statuses.TakeWhile(status => status is KvBlockStatus.Done or KvBlockStatus.AlreadyThere).Count();
    }

    /// <summary>How many leading blocks of a conversation are stored, and how many of those have other bytes than they should.</summary>
    public static async Task<(int Stored, int Wrong)> VerifyAsync(KvBlockLog log, KvBlockKey[] chain, CancellationToken cancellation)
    {
        var match = await log.MatchPrefixAsync(default, chain, cancellation);
        if (match.Blocks == 0)
            return (0, 0);
        using var memory = NativeBuffer.Allocate((long)match.Blocks * RoundedBytes, 4096);
        var places = Enumerable.Range(0, match.Blocks).Select(i => memory.View.Slice((long)i * RoundedBytes, BlockBytes)).ToArray();
        var statuses = new KvBlockStatus[match.Blocks];
        await log.GetBatchAsync(chain.AsMemory(0, match.Blocks), places, statuses, cancellation);
        log.Release(match.Lease);
        var expected = new byte[BlockBytes];
        var (stored, wrong) = (0, 0);
        while (stored < match.Blocks && statuses[stored] == KvBlockStatus.Done)
        {
            KeyChain.Fill(expected, chain[stored]);
            wrong += places[stored].AsSpan<byte>().SequenceEqual(expected) ? 0 : 1;
            stored++;
        }
        return (stored, wrong);
    }

    private static int RoundedBytes => (BlockBytes + 4095) / 4096 * 4096;
}
