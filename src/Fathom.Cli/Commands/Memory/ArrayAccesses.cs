using System.Runtime.InteropServices;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;

namespace Fathom.Cli.Commands.Memory;

/// <summary>Single accesses to an array of objects; some of them change the object.</summary>
internal sealed class ArrayAccesses(long objects, int objectBytes, double zipf, double writeShare) : IMemoryAccesses
{
    private readonly RemoteBytes[] _objects = new RemoteBytes[objects];
    private readonly ZipfIndexes _indexes = new(objects, zipf);
    private FarHeap _heap = null!;

    public void Fill(FarHeap heap, CancellationToken cancellation)
    {
        _heap = heap;
        for (long i = 0; i < _objects.Length; i++)
        {
            if (i % 4096 == 0)
                cancellation.ThrowIfCancellationRequested();
            _objects[i] = heap.AllocateBytes(objectBytes);
            using var scope = heap.EnterScope();
            MemoryMarshal.Write(_objects[i].Deref(scope), in i);
        }
    }

    public void Run(Random random)
    {
        var index = _indexes.Next(random);
        var isWrite = random.NextDouble() < writeShare;
        using var scope = _heap.EnterScope();
        var bytes = _objects[index].Deref(scope);
        if (MemoryMarshal.Read<long>(bytes) != index)
            throw new CommandException($"Object {index} has wrong bytes.");
        if (isWrite)
            bytes[sizeof(long)]++;
    }

    public void Dispose()
    {
    }
}
