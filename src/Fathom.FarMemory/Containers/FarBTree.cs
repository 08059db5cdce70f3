using System.Diagnostics.CodeAnalysis;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Containers;

/// <summary>An ordered map whose nodes, inner ones too, live in local or far memory: a B+-tree, values in its leaves.</summary>
/// <typeparam name="TKey">Any comparable type without references to managed objects.</typeparam>
/// <typeparam name="TValue">Any type without references to managed objects; long values as <see cref="RemoteBytes"/>.</typeparam>
/// <remarks>
/// Any thread may call any member: readers run side by side, a writer alone. The upper nodes are touched by every look-up, so they stay
/// in local memory by themselves. Nodes split when full; they go when they are empty, and are not merged before.
/// </remarks>
public sealed class FarBTree<TKey, TValue> : IDisposable
    where TKey : unmanaged, IComparable<TKey>
    where TValue : unmanaged
{
    private const int DepthMax = 64;

    private readonly ReaderWriterLockSlim _lock = new();
    private readonly FarHeap _heap;
    private readonly BTreeNodeLayout<TKey, TValue> _layout;
    private RemoteBytes _root;
    private long _count;
    private bool _disposed;

    /// <summary>An empty map.</summary>
    /// <param name="heap">Where the nodes live.</param>
    /// <param name="nodeBytes">Size of a node, 256 to 65,536; a leaf has room for at least four entries whatever it says.</param>
    public FarBTree(FarHeap heap, int nodeBytes = 1024)
    {
        ArgumentNullException.ThrowIfNull(heap);
        ArgumentOutOfRangeException.ThrowIfLessThan(nodeBytes, 256);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(nodeBytes, 65_536);
        _heap = heap;
        _layout = new BTreeNodeLayout<TKey, TValue>(nodeBytes);
        _root = _layout.Make(heap, isLeaf: true);
    }

    /// <summary>Number of entries.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>Copies out the value of a key.</summary>
    /// <exception cref="FarMemoryException">A node could not be brought here; the type says why.</exception>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        _lock.EnterReadLock();
        try
        {
            using var scope = _heap.EnterScope();
            var node = Leaf(key, scope);
            var index = node.Find(key);
            var isThere = index < node.Count && node.Keys[index].CompareTo(key) == 0;
            value = isThere ? node.Values[index] : default;
            return isThere;
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    /// <summary>Copies out entries in order, from the first key that is not below <paramref name="from"/>.</summary>
    /// <param name="from">Where to begin.</param>
    /// <param name="entries">Filled from the front.</param>
    /// <returns>How many there were; fewer than there is room for only at the end of the map.</returns>
    /// <exception cref="FarMemoryException">A node could not be brought here; the type says why.</exception>
    public int Read(TKey from, Span<KeyValuePair<TKey, TValue>> entries)
    {
        _lock.EnterReadLock();
        try
        {
            return Read(_root, from, entries);
        }
        finally
        {
            _lock.ExitReadLock();
        }
    }

    /// <summary>Sets the value of a key, there or not.</summary>
    /// <returns>True when the key is new.</returns>
    /// <exception cref="FarMemoryException">A node could not be brought here or made; the map is as before.</exception>
    public bool Set(TKey key, in TValue value)
    {
        _lock.EnterWriteLock();
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            MakeRoom(key);
            using var scope = _heap.EnterScope();
            var leaf = Leaf(key, scope);
            var index = leaf.Find(key);
            if (index < leaf.Count && leaf.Keys[index].CompareTo(key) == 0)
            {
                leaf.Values[index] = value;
                return false;
            }
            leaf.InsertEntry(index, key, value);
            Interlocked.Increment(ref _count);
            return true;
        }
        finally
        {
            _lock.ExitWriteLock();
        }
    }

    /// <summary>Removes a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value it had.</param>
    /// <returns>False when the key is not there.</returns>
    /// <exception cref="FarMemoryException">A node could not be brought here; the map is as before.</exception>
    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        _lock.EnterWriteLock();
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            using var scope = _heap.EnterScope();
            Span<RemoteBytes> path = stackalloc RemoteBytes[DepthMax];
            var depth = Descend(key, path, scope);
            var leaf = _layout.Open(path[depth], scope);
            var index = leaf.Find(key);
            if (index == leaf.Count || leaf.Keys[index].CompareTo(key) != 0)
            {
                value = default;
                return false;
            }
            value = leaf.Values[index];
            leaf.RemoveEntry(index);
            Interlocked.Decrement(ref _count);
            if (leaf.Count == 0)
                DropEmpty(key, path[..(depth + 1)], scope);
            return true;
        }
        finally
        {
            _lock.ExitWriteLock();
        }
    }

    /// <summary>Ends the map and its nodes.</summary>
    public void Dispose()
    {
        _lock.EnterWriteLock();
        try
        {
            if (_disposed)
                return;
            _disposed = true;
            FreeBelow(_root);
        }
        finally
        {
            _lock.ExitWriteLock();
        }
        _lock.Dispose();
    }

    private BTreeNode<TKey, TValue> Leaf(TKey key, in DerefScope scope)
    {
        var node = _layout.Open(_root, scope);
        while (!node.IsLeaf)
            node = _layout.Open(node.Children[node.ChildFor(key)], scope);
        return node;
    }

    private int Descend(TKey key, Span<RemoteBytes> path, in DerefScope scope)
    {
        path[0] = _root;
        var depth = 0;
        for (var node = _layout.Open(_root, scope); !node.IsLeaf; node = _layout.Open(path[depth], scope))
            path[++depth] = node.Children[node.ChildFor(key)];
        return depth;
    }

    /// <summary>Splits every full node on the way to a key, from the top: a split always finds room in the parent.</summary>
    private void MakeRoom(TKey key)
    {
        using var scope = _heap.EnterScope();
        var node = _layout.Open(_root, scope);
        if (node.IsFull)
        {
            var top = _layout.Make(_heap, isLeaf: false);
            var parent = _layout.Open(top, scope);
            parent.Children[0] = _root;
            try
            {
                Split(parent, 0, node, scope);
            }
            catch (FarMemoryException)
            {
                _heap.Free(top);
                throw;
            }
            _root = top;
            node = parent;
        }
        while (!node.IsLeaf)
        {
            var index = node.ChildFor(key);
            var child = _layout.Open(node.Children[index], scope);
            if (child.IsFull)
            {
                Split(node, index, child, scope);
                child = _layout.Open(node.Children[node.ChildFor(key)], scope);
            }
            node = child;
        }
    }

    /// <summary>Moves the upper half of a full child into a new node beside it.</summary>
    private void Split(BTreeNode<TKey, TValue> parent, int index, BTreeNode<TKey, TValue> child, in DerefScope scope)
    {
        var made = _layout.Make(_heap, child.IsLeaf);
        var upper = _layout.Open(made, scope);
        var separator = child.MoveUpperHalfTo(upper);
        parent.InsertChild(index, separator, made);
    }

    /// <summary>Takes an empty leaf out of the tree, and with it the nodes above that had no other child. Needs no memory.</summary>
    private void DropEmpty(TKey key, ReadOnlySpan<RemoteBytes> path, in DerefScope scope)
    {
        var keeper = path.Length - 2;
        while (keeper >= 0 && _layout.Open(path[keeper], scope).Count == 0) // no separator: one child
            keeper--;
        if (keeper < 0)
        {
            _root = path[^1]; // the map is empty: its last leaf stays
            foreach (var node in path[..^1])
                _heap.Free(node);
            return;
        }
        var parent = _layout.Open(path[keeper], scope);
        parent.RemoveChild(parent.ChildFor(key));
        foreach (var node in path[(keeper + 1)..])
            _heap.Free(node);
        ShrinkRoot(scope);
    }

    /// <summary>A root with a single child gives its place to it.</summary>
    private void ShrinkRoot(in DerefScope scope)
    {
        for (var root = _layout.Open(_root, scope); !root.IsLeaf && root.Count == 0; root = _layout.Open(_root, scope))
        {
            var only = root.Children[0];
            _heap.Free(_root);
            _root = only;
        }
    }

    private int Read(RemoteBytes at, TKey from, Span<KeyValuePair<TKey, TValue>> entries)
    {
        using var scope = _heap.EnterScope();
        var node = _layout.Open(at, scope);
        var filled = 0;
        if (node.IsLeaf)
        {
            for (var i = node.Find(from); i < node.Count && filled < entries.Length; i++)
                entries[filled++] = new(node.Keys[i], node.Values[i]);
            return filled;
        }
        for (var i = node.ChildFor(from); i <= node.Count && filled < entries.Length; i++)
            filled += Read(node.Children[i], from, entries[filled..]);
        return filled;
    }

    private void FreeBelow(RemoteBytes at)
    {
        using (var scope = _heap.EnterScope())
        {
            var node = _layout.Open(at, scope);
            for (var i = 0; !node.IsLeaf && i <= node.Count; i++)
                FreeBelow(node.Children[i]);
        }
        _heap.Free(at);
    }
}
