using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Containers;

/// <summary>How the nodes of a B+-tree lie in their bytes: header, keys, then values (leaf) or children (inner).</summary>
internal sealed class BTreeNodeLayout<TKey, TValue>
    where TKey : unmanaged, IComparable<TKey>
    where TValue : unmanaged
{
    public const int HeaderBytes = 8;

    public BTreeNodeLayout(int nodeBytes)
    {
        var keyBytes = Unsafe.SizeOf<TKey>();
        LeafEntries = Math.Max(4, (nodeBytes - HeaderBytes) / (keyBytes + Unsafe.SizeOf<TValue>()));
        Separators = Math.Max(4, (nodeBytes - HeaderBytes - 8) / (keyBytes + 8));
        ValuesOffset = HeaderBytes + Aligned(LeafEntries * keyBytes);
        ChildrenOffset = HeaderBytes + Aligned(Separators * keyBytes);
    }

    public int LeafEntries { get; }

    public int Separators { get; }

    public int ValuesOffset { get; }

    public int ChildrenOffset { get; }

    public RemoteBytes Make(FarHeap heap, bool isLeaf)
    {
        var bytes = isLeaf
            ? checked(ValuesOffset + LeafEntries * Unsafe.SizeOf<TValue>())
            : ChildrenOffset + (Separators + 1) * 8;
        var made = heap.AllocateBytes(bytes);
        using var scope = heap.EnterScope();
        made.Deref(scope)[4] = isLeaf ? (byte)1 : (byte)0;
        return made;
    }

    public BTreeNode<TKey, TValue> Open(RemoteBytes at, in DerefScope scope) => new(this, at.Deref(scope));

    private static int Aligned(int bytes) => (bytes + 7) & ~7;
}

/// <summary>A node in local memory, for as long as the scope it was opened in.</summary>
internal readonly ref struct BTreeNode<TKey, TValue>
    where TKey : unmanaged, IComparable<TKey>
    where TValue : unmanaged
{
    private readonly BTreeNodeLayout<TKey, TValue> _layout;
    private readonly Span<byte> _bytes;

    public BTreeNode(BTreeNodeLayout<TKey, TValue> layout, Span<byte> bytes)
    {
        _layout = layout;
        _bytes = bytes;
    }

    /// <summary>Entries of a leaf; separators of an inner node, which has one child more.</summary>
    public int Count
    {
        get => MemoryMarshal.Read<int>(_bytes);
        private set => MemoryMarshal.Write(_bytes, value);
    }

    public bool IsLeaf => _bytes[4] != 0;

    public bool IsFull => Count == (IsLeaf ? _layout.LeafEntries : _layout.Separators);

    public Span<TKey> Keys => MemoryMarshal.Cast<byte, TKey>(
        _bytes[BTreeNodeLayout<TKey, TValue>.HeaderBytes..])[..(IsLeaf ? _layout.LeafEntries : _layout.Separators)];

    public Span<TValue> Values => MemoryMarshal.Cast<byte, TValue>(_bytes[_layout.ValuesOffset..]);

    public Span<RemoteBytes> Children => MemoryMarshal.Cast<byte, RemoteBytes>(_bytes[_layout.ChildrenOffset..]);

    /// <summary>Index of the first key that is not below <paramref name="key"/>.</summary>
    public int Find(TKey key)
    {
        var keys = Keys;
        int low = 0, high = Count;
        while (low < high)
        {
            var middle = (low + high) >> 1;
            if (keys[middle].CompareTo(key) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    /// <summary>The child that a key is below: a separator belongs to the child on its right.</summary>
    public int ChildFor(TKey key)
    {
        var index = Find(key);
        return index < Count && Keys[index].CompareTo(key) == 0 ? index + 1 : index;
    }

    public void InsertEntry(int index, TKey key, in TValue value)
    {
        Keys[index..Count].CopyTo(Keys[(index + 1)..]);
        Values[index..Count].CopyTo(Values[(index + 1)..]);
        Keys[index] = key;
        Values[index] = value;
        Count++;
    }

    public void RemoveEntry(int index)
    {
        Keys[(index + 1)..Count].CopyTo(Keys[index..]);
        Values[(index + 1)..Count].CopyTo(Values[index..]);
        Count--;
    }

    /// <summary>Puts a new child to the right of child <paramref name="index"/>.</summary>
    public void InsertChild(int index, TKey separator, RemoteBytes child)
    {
        Keys[index..Count].CopyTo(Keys[(index + 1)..]);
        Children[(index + 1)..(Count + 1)].CopyTo(Children[(index + 2)..]);
        Keys[index] = separator;
        Children[index + 1] = child;
        Count++;
    }

    public void RemoveChild(int index)
    {
        // With the first child goes the separator on its right, with any other the one on its left.
        var separator = Math.Max(0, index - 1);
        Keys[(separator + 1)..Count].CopyTo(Keys[separator..]);
        Children[(index + 1)..(Count + 1)].CopyTo(Children[index..]);
        Count--;
    }

    /// <summary>Moves the upper half to an empty node of the same kind.</summary>
    /// <returns>The separator between the two.</returns>
    public TKey MoveUpperHalfTo(BTreeNode<TKey, TValue> upper)
    {
        var keep = Count / 2;
        var separator = Keys[keep];
        if (IsLeaf)
        {
            Keys[keep..Count].CopyTo(upper.Keys);
            Values[keep..Count].CopyTo(upper.Values);
            upper.Count = Count - keep;
        }
        else
        {
            // The middle key moves up; its right child becomes the first of the upper node.
            Keys[(keep + 1)..Count].CopyTo(upper.Keys);
            Children[(keep + 1)..(Count + 1)].CopyTo(upper.Children);
            upper.Count = Count - keep - 1;
        }
        Count = keep;
        return separator;
    }
}
