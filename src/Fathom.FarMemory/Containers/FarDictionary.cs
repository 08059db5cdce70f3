using System.Diagnostics.CodeAnalysis;
using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Containers;

/// <summary>A hash table whose entries live in local or far memory; the index of pointers and hashes stays local.</summary>
/// <typeparam name="TKey">Any equatable type without references to managed objects.</typeparam>
/// <typeparam name="TValue">Any type without references to managed objects; long values as <see cref="RemoteBytes"/>.</typeparam>
/// <remarks>
/// Any thread may call any member. The table is cut into parts by hash; a part's lock is held while an entry of it comes in. A key that
/// is not there costs no swap-in, unless its 32-bit hash is another key's.
/// </remarks>
public sealed class FarDictionary<TKey, TValue> : IDisposable
    where TKey : unmanaged, IEquatable<TKey>
    where TValue : unmanaged
{
    private const int PartBits = 6;

    private readonly FarHeap _heap;
    private readonly Part[] _parts;

    /// <summary>Changes a value in place.</summary>
    /// <typeparam name="TState">What the change needs.</typeparam>
    /// <param name="value">The value, in local memory; not to be kept.</param>
    /// <param name="state">What the caller passed.</param>
    public delegate void Change<in TState>(ref TValue value, TState state);

    /// <summary>An empty table.</summary>
    public FarDictionary(FarHeap heap)
    {
        ArgumentNullException.ThrowIfNull(heap);
        _heap = heap;
        _parts = [.. Enumerable.Range(0, 1 << PartBits).Select(_ => new Part(heap))];
    }

    /// <summary>Number of entries.</summary>
    public long Count => _parts.Sum(part => (long)part.Count);

    /// <summary>Copies out the value of a key.</summary>
    /// <exception cref="FarMemoryException">The entry could not be brought here; the type says why.</exception>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        var part = PartOf(key, out var hash);
        lock (part)
        {
            using var scope = _heap.EnterScope();
            if (part.Find(key, hash, scope) is var position && position >= 0)
            {
                value = part.EntryAt(position).Deref(scope).Value;
                return true;
            }
        }
        value = default;
        return false;
    }

    /// <summary>Sets the value of a key, there or not.</summary>
    /// <returns>True when the key is new.</returns>
    /// <exception cref="FarMemoryException">The entry could not be brought here or made; the table is as before.</exception>
    public bool Set(TKey key, in TValue value)
    {
        var part = PartOf(key, out var hash);
        lock (part)
        {
            using (var scope = _heap.EnterScope())
            {
                if (part.Find(key, hash, scope) is var position && position >= 0)
                {
                    part.EntryAt(position).Deref(scope).Value = value;
                    return false;
                }
            }
            part.Add(hash, _heap.Allocate(new Entry { Key = key, Value = value }));
            return true;
        }
    }

    /// <summary>Changes the value of a key in place.</summary>
    /// <returns>False when the key is not there.</returns>
    /// <exception cref="FarMemoryException">The entry could not be brought here; nothing was changed.</exception>
    public bool TryChange<TState>(TKey key, TState state, Change<TState> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        var part = PartOf(key, out var hash);
        lock (part)
        {
            using var scope = _heap.EnterScope();
            if (part.Find(key, hash, scope) is var position && position >= 0)
            {
                change(ref part.EntryAt(position).Deref(scope).Value, state);
                return true;
            }
            return false;
        }
    }

    /// <summary>Removes a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value it had.</param>
    /// <returns>False when the key is not there.</returns>
    /// <exception cref="FarMemoryException">The entry could not be brought here; it stays.</exception>
    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        var part = PartOf(key, out var hash);
        lock (part)
        {
            RemoteUnique<Entry> entry;
            using (var scope = _heap.EnterScope())
            {
                var position = part.Find(key, hash, scope);
                if (position < 0)
                {
                    value = default;
                    return false;
                }
                entry = part.EntryAt(position);
                value = entry.Deref(scope).Value;
                part.RemoveAt(position);
            }
            _heap.Free(entry);
            return true;
        }
    }

    /// <summary>Ends the table and its entries.</summary>
    public void Dispose()
    {
        foreach (var part in _parts)
        {
            lock (part)
                part.Clear();
        }
    }

    private Part PartOf(TKey key, out uint hash)
    {
        // Hash codes of integers are the integers: mix them before bits are taken for part, bucket and tag.
        var mixed = (ulong)(uint)key.GetHashCode() * 0x9E3779B97F4A7C15;
        hash = Math.Max(2u, (uint)(mixed >> 24)); // 0 and 1 mark places without an entry
        return _parts[mixed >> (64 - PartBits)];
    }

    internal struct Entry
    {
        public TKey Key;
        public TValue Value;
    }

    /// <summary>An open-addressed table of pointers and their hashes; its own object is the lock.</summary>
    private sealed class Part(FarHeap heap)
    {
        private const uint Empty = 0;
        private const uint Removed = 1;

        private uint[] _hashes = new uint[16];
        private RemoteUnique<Entry>[] _entries = new RemoteUnique<Entry>[16];
        private int _used; // entries and removed places

        public int Count { get; private set; }

        public RemoteUnique<Entry> EntryAt(int position) => _entries[position];

        public int Find(TKey key, uint hash, in DerefScope scope)
        {
            var mask = _hashes.Length - 1;
            for (var position = (int)(hash & (uint)mask); _hashes[position] != Empty; position = (position + 1) & mask)
            {
                if (_hashes[position] == hash && _entries[position].Deref(scope).Key.Equals(key))
                    return position;
            }
            return -1;
        }

        public void Add(uint hash, RemoteUnique<Entry> entry)
        {
            if ((_used + 1) * 4 > _hashes.Length * 3)
                Resize();
            Insert(hash, entry);
            Count++;
        }

        public void RemoveAt(int position)
        {
            _hashes[position] = Removed;
            _entries[position] = default;
            Count--;
        }

        public void Clear()
        {
            for (var i = 0; i < _hashes.Length; i++)
            {
                if (_hashes[i] > Removed)
                    heap.Free(_entries[i]);
            }
            Array.Clear(_hashes);
            Count = _used = 0;
        }

        private void Insert(uint hash, RemoteUnique<Entry> entry)
        {
            var mask = _hashes.Length - 1;
            var position = (int)(hash & (uint)mask);
            while (_hashes[position] > Removed)
                position = (position + 1) & mask;
            if (_hashes[position] == Empty)
                _used++;
            _hashes[position] = hash;
            _entries[position] = entry;
        }

        private void Resize()
        {
            var (hashes, entries) = (_hashes, _entries);
            var size = hashes.Length;
            while (Count * 2 >= size)
                size *= 2;
            _hashes = new uint[size];
            _entries = new RemoteUnique<Entry>[size];
            _used = 0;
            for (var i = 0; i < hashes.Length; i++)
            {
                if (hashes[i] > Removed)
                    Insert(hashes[i], entries[i]);
            }
        }
    }
}
