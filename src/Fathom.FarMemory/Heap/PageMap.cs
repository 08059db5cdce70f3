using Fathom.Memory;

namespace Fathom.FarMemory.Heap;

/// <summary>From an address to the number of the local span that holds it: two levels of 20 and 15 bits over the page number.</summary>
/// <remarks>
/// Any thread may look up; registering is the page heap's, which owns the pages at that moment. Leaves are made once and stay.
/// The root's 8 MiB are touched only where leaves exist.
/// </remarks>
internal sealed unsafe class PageMap : IDisposable
{
    private const int LeafBits = 15;
    private const int RootBits = 20;

    private readonly Lock _lock = new();
    private readonly NativeBuffer _root = NativeBuffer.Allocate(sizeof(nint) << RootBits);
    private readonly List<NativeBuffer> _leaves = [];

    /// <summary>Number of the span at an address that lies in one.</summary>
    public int Lookup(ulong address)
    {
        var page = address >> SizeClasses.PageShift;
        var leaf = ((int**)_root.Pointer)[page >> LeafBits];
        // Numbers are kept plus one: a page of no span reads 0, and a lookup of it is our bug.
        var number = leaf == null ? 0 : Volatile.Read(ref leaf[page & ((1 << LeafBits) - 1)]);
        Invariant.Check(number != 0);
        return number - 1;
    }

    /// <summary>Every page of a range belongs to span <paramref name="spanIndex"/> from now on.</summary>
    public void Register(byte* start, int pages, int spanIndex)
    {
        var first = (ulong)start >> SizeClasses.PageShift;
        for (var i = 0; i < pages; i++)
        {
            var page = first + (ulong)i;
            Volatile.Write(ref Leaf(page >> LeafBits)[page & ((1 << LeafBits) - 1)], spanIndex + 1);
        }
    }

    public void Dispose()
    {
        foreach (var leaf in _leaves)
            leaf.Dispose();
        _root.Dispose();
    }

    private int* Leaf(ulong number)
    {
        Invariant.Check(number < 1 << RootBits);
        var entry = (nint*)_root.Pointer + number;
        if (Volatile.Read(ref *entry) == 0)
        {
            lock (_lock)
            {
                if (*entry == 0)
                {
                    var leaf = NativeBuffer.Allocate(sizeof(int) << LeafBits);
                    _leaves.Add(leaf);
                    Volatile.Write(ref *entry, (nint)leaf.Pointer);
                }
            }
        }
        return (int*)*entry;
    }
}
