using Fathom.Memory;
using Fathom.Tiering.BlockLog;
using Fathom.Tiering.Tiers;

namespace Fathom.Cli.Commands.BlockLogs;

/// <summary>Conversations of KV blocks, as hash chains of keys: some begin on their own, others behind one prompt that all of them share.</summary>
/// <param name="blocks">Blocks of all of them.</param>
/// <param name="blockBytes">Bytes of a block.</param>
internal sealed class ConversationSet(long blocks, int blockBytes)
{
    /// <summary>Blocks of a conversation.</summary>
    public const int Depth = 1024;

    /// <summary>Blocks of the prompt that half of them share.</summary>
    public const int PromptDepth = 16;

    private const int BatchMax = 16;

    /// <summary>Conversations that share nothing.</summary>
    public List<KvBlockKey[]> Own { get; } = Chains([], (int)Math.Max(1, blocks / Depth / 2), 1);

    /// <summary>Conversations behind one prompt.</summary>
    public List<KvBlockKey[]> Shared { get; } = Chains(KeyChain.Make([], PromptDepth, 0), (int)Math.Max(1, blocks / Depth / 2), 1 << 20);

    /// <summary>Stores all of them, a turn of each at a time, as conversations that go on side by side do.</summary>
    public async Task StoreAsync(KvBlockLog log, Action<double>? report, CancellationToken cancellation)
    {
        const int Turn = 64;
        var all = Own.Concat(Shared).ToList();
        using var memory = NativeBuffer.Allocate((long)BatchMax * RoundedBytes, 4096);
        new Random(1).NextBytes(memory.AsSpan<byte>(0, (int)memory.Length));
        var statuses = new KvBlockStatus[BatchMax];
        for (var first = 0; first < Depth; first += Turn)
        {
            for (var i = 0; i < all.Count; i++)
            {
                for (var at = first; at < first + Turn; at += BatchMax)
                    await StoreAsync(log, all[i], at, memory, statuses, cancellation);
                report?.Invoke((((double)first / Turn) + ((double)i / all.Count)) / (Depth / Turn));
            }
        }
    }

    private int RoundedBytes => (blockBytes + 4095) / 4096 * 4096;

    private async Task StoreAsync(
        KvBlockLog log, KvBlockKey[] chain, int first, NativeBuffer memory, KvBlockStatus[] statuses, CancellationToken cancellation)
    {
        var puts = new KvBlockPut[BatchMax];
        for (var i = 0; i < puts.Length; i++)
        {
            var content = memory.View.Slice((long)i * RoundedBytes, blockBytes);
            KeyChain.Stamp(content.AsSpan<byte>(), chain[first + i]);
            puts[i] = new KvBlockPut(chain[first + i], KeyChain.ParentOf(chain, first + i), first + i, content);
        }
        await log.PutBatchAsync(puts, statuses, cancellation);
        cancellation.ThrowIfCancellationRequested();
        if (Array.Exists(statuses, status => status is not (KvBlockStatus.Done or KvBlockStatus.AlreadyThere)))
            throw new CommandLine.CommandException($"Storing blocks failed: {string.Join(", ", statuses.Distinct())}.");
    }

    private static List<KvBlockKey[]> Chains(KvBlockKey[] prompt, int count, int firstBranch) =>
        [.. Enumerable.Range(firstBranch, count).Select(branch => KeyChain.Make(prompt, Depth, branch))];
}
