using Fathom.Cli.CommandLine;
using Fathom.FarMemory.Heap;

namespace Fathom.Cli.Commands.Memory;

/// <summary>What the threads of a memory benchmark do on a heap.</summary>
internal interface IMemoryAccesses : IDisposable
{
    /// <summary>Puts the data on a heap. Called once, before any access.</summary>
    void Fill(FarHeap heap, CancellationToken cancellation);

    /// <summary>One operation; any thread, each with its own generator.</summary>
    /// <exception cref="CommandException">Wrong bytes.</exception>
    void Run(Random random);
}
