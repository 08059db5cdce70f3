using Fathom.Cli.CommandLine;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Cli.Commands.Bench.LookUps;

/// <summary>The way of the base class library: a task for each look-up in flight, one RandomAccess.ReadAsync for each block.</summary>
internal sealed class AsyncMethod(LookUpIndex index, SafeFileHandle file, int inFlight) : LookUpMethod(LookUpFiles.ReadAsync, index, inFlight)
{
    private readonly List<Task> _tasks = [];

    public override void Start()
    {
        for (var i = 0; i < Workers; i++)
        {
            var worker = i;
            _tasks.Add(Task.Run(() => WorkAsync(worker)));
        }
    }

    protected override async ValueTask StopAsync() => await Task.WhenAll(_tasks);

    private static long NextKey(int worker, ref int round, long keys)
    {
        round++;
        return new KeySequence((worker * 0x10001) + (round * 64), keys).Next();
    }

    private async Task WorkAsync(int worker)
    {
        var memory = GC.AllocateUninitializedArray<byte>(2 * LookUpIndex.BlockBytes, pinned: true);
        var block = memory.AsMemory(Alignment.FirstAligned(memory, LookUpIndex.BlockBytes), LookUpIndex.BlockBytes);
        var round = 0;
        while (!IsStopping)
        {
            var key = NextKey(worker, ref round, Index.Keys);
            var (offset, isLeaf) = ((ulong)Index.RootOffset(key), false);
            while (!isLeaf)
            {
                if (await RandomAccess.ReadAsync(file, block, (long)offset) != LookUpIndex.BlockBytes)
                    throw new CommandException($"The read at {offset} failed.");
                if (!LookUpIndex.TrySearch(block.Span, (ulong)key, out offset, out isLeaf))
                    throw new CommandException("The index is damaged.");
            }
            Check((ulong)key, offset);
            Count(worker, 1);
        }
    }
}
