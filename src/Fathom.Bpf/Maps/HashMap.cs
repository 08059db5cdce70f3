using System.Numerics;
using System.Runtime.InteropServices;
using Fathom.Memory;

namespace Fathom.Bpf.Maps;

/// <summary>Entries by key, with memory for all of them taken when the map is made.</summary>
/// <remarks>
/// One lock guards the chains. A value's address stays readable after its entry was deleted, as with the kernel's preallocated
/// maps: it may then be another entry's. Hashes are seeded per process, so keys cannot be chosen to collide.
/// </remarks>
public sealed unsafe class HashMap : KeyedMap
{
    private const int None = -1;

    [StructLayout(LayoutKind.Sequential)]
    private struct EntryHead
    {
        public int Next;
        public int Hash;
    }

    private readonly Lock _lock = new();
    private readonly int[] _buckets;
    private readonly int _keyStrideBytes;
    private readonly int _strideBytes;
    private int _free;
    private int _count;

    internal HashMap(MapDefinition definition)
        : base(definition, CheckedBytes(definition, definition.EntriesMax, EntryBytes(definition)))
    {
        _strideBytes = EntryBytes(definition);
        _keyStrideBytes = RoundUp8(definition.KeyBytes);
        _buckets = new int[BitOperations.RoundUpToPowerOf2((uint)definition.EntriesMax)];
        Array.Fill(_buckets, None);
        for (var i = 0; i < definition.EntriesMax; i++)
            Head(i)->Next = i + 1 < definition.EntriesMax ? i + 1 : None;
    }

    /// <summary>Entries now.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _count;
        }
    }

    internal override NativeView ValueMemory => Memory;

    /// <summary>A copy of all keys at one moment, one after the other, <see cref="KeyedMap.KeyBytes"/> each.</summary>
    public byte[] Keys()
    {
        lock (_lock)
        {
            var keys = new byte[checked(_count * KeyBytes)];
            var written = 0;
            foreach (var bucket in _buckets)
            {
                for (var entry = bucket; entry != None; entry = Head(entry)->Next, written += KeyBytes)
                    Key(entry).CopyTo(keys.AsSpan(written));
            }
            return keys;
        }
    }

    internal override ulong Find(ReadOnlySpan<byte> key)
    {
        var hash = HashOf(key);
        lock (_lock)
        {
            var entry = FindEntry(key, hash, out _);
            return entry == None ? 0 : (ulong)ValuePointer(entry);
        }
    }

    internal override long Update(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong flags)
    {
        if (flags > (ulong)MapUpdate.Exist)
            return MapError.Invalid;
        var hash = HashOf(key);
        lock (_lock)
        {
            var entry = FindEntry(key, hash, out _);
            if (entry == None && flags == (ulong)MapUpdate.Exist)
                return MapError.NotFound;
            if (entry != None && flags == (ulong)MapUpdate.NoExist)
                return MapError.Exists;
            if (entry == None)
            {
                if (_free == None)
                    return MapError.TooBig;
                entry = _free;
                _free = Head(entry)->Next;
                ref var bucket = ref BucketOf(hash);
                *Head(entry) = new EntryHead { Next = bucket, Hash = hash };
                bucket = entry;
                key.CopyTo(Key(entry));
                _count++;
            }
            value.CopyTo(new Span<byte>(ValuePointer(entry), ValueBytes));
            return 0;
        }
    }

    internal override long Delete(ReadOnlySpan<byte> key)
    {
        var hash = HashOf(key);
        lock (_lock)
        {
            var entry = FindEntry(key, hash, out var previous);
            if (entry == None)
                return MapError.NotFound;
            if (previous == None)
                BucketOf(hash) = Head(entry)->Next;
            else
                Head(previous)->Next = Head(entry)->Next;
            Head(entry)->Next = _free;
            _free = entry;
            _count--;
            return 0;
        }
    }

    private static int EntryBytes(MapDefinition definition)
    {
        const int KeyBytesMax = 512;
        return sizeof(EntryHead) + CheckedStride(definition, 1, KeyBytesMax) + RoundUp8(definition.KeyBytes);
    }

    private static int HashOf(ReadOnlySpan<byte> key)
    {
        var hash = new HashCode();
        hash.AddBytes(key);
        return hash.ToHashCode();
    }

    private ref int BucketOf(int hash) => ref _buckets[hash & (_buckets.Length - 1)];

    private int FindEntry(ReadOnlySpan<byte> key, int hash, out int previous)
    {
        previous = None;
        for (var entry = BucketOf(hash); entry != None; previous = entry, entry = Head(entry)->Next)
            if (Head(entry)->Hash == hash && Key(entry).SequenceEqual(key))
                return entry;
        return None;
    }

    // SAFETY of the three below: entries are 0 to EntriesMax - 1, and the memory holds that many strides.

    private EntryHead* Head(int entry) => (EntryHead*)(Memory.Pointer + ((long)entry * _strideBytes));

    private Span<byte> Key(int entry) => new((byte*)Head(entry) + sizeof(EntryHead), KeyBytes);

    private byte* ValuePointer(int entry) => (byte*)Head(entry) + sizeof(EntryHead) + _keyStrideBytes;
}
