namespace Fathom.Storage.KeyValue.Tables;

/// <summary>The entries of a memory table by the hash of their key: open addressing, at most half full.</summary>
/// <remarks>One writer at a time; any number of readers meanwhile, without locks. A reader that began on a smaller table than the writer's misses only what came after it began.</remarks>
internal sealed class NodeIndex
{
    private const int SlotsMin = 64;

    private MemoryTable.Node?[] _slots = new MemoryTable.Node?[SlotsMin];
    private int _count;

    /// <summary>The entry of a key; null when there is none.</summary>
    public MemoryTable.Node? Find(ulong hash, ReadOnlySpan<byte> key)
    {
        var slots = Volatile.Read(ref _slots);
        for (var at = (int)hash & (slots.Length - 1); Volatile.Read(ref slots[at]) is { } node; at = (at + 1) & (slots.Length - 1))
        {
            if (node.Hash == hash && node.Key.AsSpan().SequenceEqual(key))
                return node;
        }
        return null;
    }

    /// <summary>Adds an entry whose key is not here.</summary>
    public void Add(MemoryTable.Node node)
    {
        if (++_count * 2 > _slots.Length)
            Grow();
        Place(_slots, node);
    }

    private void Grow()
    {
        var slots = new MemoryTable.Node?[_slots.Length * 2];
        foreach (var node in _slots)
        {
            if (node is not null)
                Place(slots, node);
        }
        Volatile.Write(ref _slots, slots);
    }

    private static void Place(MemoryTable.Node?[] slots, MemoryTable.Node node)
    {
        var at = (int)node.Hash & (slots.Length - 1);
        while (slots[at] is not null)
            at = (at + 1) & (slots.Length - 1);
        Volatile.Write(ref slots[at], node);
    }
}
