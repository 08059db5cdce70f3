using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Fathom.Cli.CommandLine;
using Microsoft.Win32.SafeHandles;

namespace Fathom.Cli.Commands.Bench.LookUps;

/// <summary>The classic: a thread for each look-up in flight, one pread for each block.</summary>
internal sealed class BlockingMethod(LookUpIndex index, SafeFileHandle file, int inFlight) : LookUpMethod(LookUpFiles.Pread, index, inFlight)
{
    private readonly List<Task> _threads = [];

    public override long? SystemCalls => LookUps * Index.Depth;

    public override void Start()
    {
        for (var i = 0; i < Workers; i++)
        {
            var worker = i;
            _threads.Add(Task.Factory.StartNew(() => Work(worker), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        }
    }

    protected override async ValueTask StopAsync() => await Task.WhenAll(_threads);

    private void Work(int worker)
    {
        // Twice the size, so that an aligned block lies inside.
        var memory = GC.AllocateUninitializedArray<byte>(2 * LookUpIndex.BlockBytes, pinned: true);
        var start = Alignment.FirstAligned(memory, LookUpIndex.BlockBytes);
        var address = Marshal.UnsafeAddrOfPinnedArrayElement(memory, start);
        var descriptor = (int)file.DangerousGetHandle();
        var keys = new KeySequence(worker, Index.Keys);
        while (!IsStopping)
        {
            var key = keys.Next();
            var (offset, isLeaf) = ((ulong)Index.RootOffset(key), false);
            while (!isLeaf)
            {
                if (ReadAt(descriptor, address, LookUpIndex.BlockBytes, (long)offset) != LookUpIndex.BlockBytes)
                    throw new CommandException($"pread at {offset} failed.");
                if (!LookUpIndex.TrySearch(memory.AsSpan(start, LookUpIndex.BlockBytes), (ulong)key, out offset, out isLeaf))
                    throw new CommandException("The index is damaged.");
            }
            Check((ulong)key, offset);
            Count(worker, 1);
        }
    }

    [DllImport("libc", EntryPoint = "pread")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SuppressMessage("Interoperability", "SYSLIB1054:Use LibraryImport", Justification = "All arguments are blittable; LibraryImport would need unsafe code here.")]
    private static extern nint ReadAt(int file, nint buffer, nint count, long offset);
}
