using System.Diagnostics.CodeAnalysis;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Tables;

/// <summary>Writes that are in the log and not yet in the tree: a skip list by key, and an index by hash; a deletion is an entry without a value.</summary>
/// <remarks>One writer at a time (the commit lock's owner); any number of readers meanwhile, without locks. Entries never go away.</remarks>
/// <param name="firstSegment">Log segment that holds its oldest write.</param>
internal sealed class MemoryTable(ulong firstSegment)
{
    private const int HeightMax = 16;

    /// <summary>What an entry costs beside key and value: node, arrays, links and places in the index.</summary>
    private const int OverheadBytes = 190;

    private readonly Node _head = new([], 0, 0, null, HeightMax);
    private readonly NodeIndex _index = new();
    private ulong _seed = 0x9E3779B97F4A7C15;
    private int _height = 1;
    private long _bytes;

    /// <summary>Log segment that holds its oldest write.</summary>
    public ulong FirstSegment { get; } = firstSegment;

    /// <summary>Entries, deletions included.</summary>
    public int Count { get; private set; }

    /// <summary>Memory of the entries.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>The entry of a key.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, [NotNullWhen(true)] out Node? node) => TryGet(KeyMix.Of(key), key, out node);

    /// <summary>The entry of a key whose hash (<see cref="KeyMix.Of"/>) is known.</summary>
    public bool TryGet(ulong hash, ReadOnlySpan<byte> key, [NotNullWhen(true)] out Node? node)
    {
        node = _index.Find(hash, key);
        return node is not null;
    }

    /// <summary>The first entry at or above a key.</summary>
    public Node? LowerBound(ReadOnlySpan<byte> key)
    {
        var head = KeyOrder.Head(key);
        var node = _head;
        Node? next = null;
        for (var level = Volatile.Read(ref _height) - 1; level >= 0; level--)
        {
            // The link that ended the walk is the answer: read again, it may lead to a smaller key that the writer put in meanwhile.
            while ((next = node.Next(level)) is not null && next.IsBelow(head, key))
                node = next;
        }
        return next;
    }

    /// <summary>Sets or, with null, deletes a key; the arrays are the table's from now on.</summary>
    public void Put(byte[] key, byte[]? value)
    {
        var hash = KeyMix.Of(key);
        if (_index.Find(hash, key) is { } present)
        {
            Volatile.Write(ref _bytes, _bytes + (value?.Length ?? 0) - (present.Value?.Length ?? 0));
            present.Value = value;
            return;
        }
        var head = KeyOrder.Head(key);
        var path = new Path();
        var node = _head;
        for (var level = HeightMax - 1; level >= 0; level--)
        {
            while (node.Next(level) is { } next && next.IsBelow(head, key))
                node = next;
            path[level] = node;
        }
        var height = RandomHeight();
        var added = new Node(key, head, hash, value, height);
        for (var level = 0; level < height; level++)
            added.Link(level, path[level]!.Next(level));
        for (var level = 0; level < height; level++)
            path[level]!.Link(level, added);
        if (height > _height)
            Volatile.Write(ref _height, height);
        _index.Add(added);
        Count++;
        Volatile.Write(ref _bytes, _bytes + key.Length + (value?.Length ?? 0) + OverheadBytes);
    }

    private int RandomHeight()
    {
        _seed ^= _seed << 13;
        _seed ^= _seed >> 7;
        _seed ^= _seed << 17;
        return Math.Min(HeightMax, 1 + System.Numerics.BitOperations.TrailingZeroCount(_seed | (1UL << 32)) / 2);
    }

    /// <summary>An entry.</summary>
    internal sealed class Node(byte[] key, ulong head, ulong hash, byte[]? value, int height)
    {
        private readonly Node?[] _next = new Node?[height];
        private volatile byte[]? _value = value;

        /// <summary>Its key.</summary>
        public byte[] Key { get; } = key;

        /// <summary>Its hash.</summary>
        public ulong Hash { get; } = hash;

        /// <summary>Its value; null when it is deleted.</summary>
        public byte[]? Value { get => _value; set => _value = value; }

        /// <summary>The next entry.</summary>
        public Node? Following => Next(0);

        /// <summary>The next entry at a level.</summary>
        public Node? Next(int level) => Volatile.Read(ref _next[level]);

        /// <summary>Sets the next entry at a level.</summary>
        public void Link(int level, Node? next) => Volatile.Write(ref _next[level], next);

        /// <summary>Whether its key is below a key with this head.</summary>
        public bool IsBelow(ulong otherHead, ReadOnlySpan<byte> other) =>
            head != otherHead ? head < otherHead : Key.AsSpan().SequenceCompareTo(other) < 0;
    }

    [System.Runtime.CompilerServices.InlineArray(HeightMax)]
    private struct Path
    {
        private Node? _first;
    }
}
