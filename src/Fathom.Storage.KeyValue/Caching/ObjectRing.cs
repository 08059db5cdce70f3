using System.Buffers.Binary;
using Fathom.Memory;

namespace Fathom.Storage.KeyValue.Caching;

/// <summary>
/// Values in the order in which they came, in a ring of native memory. Room is made at the old end; what was
/// used since it came moves to the new end instead (second chance).
/// </summary>
/// <remarks>Not safe for several threads: its shard's lock guards it.</remarks>
internal sealed class ObjectRing : IDisposable
{
    private const int HeaderBytes = 16;

    /// <summary>What an object costs beside the ring: its place in the index, and the ghost that may come with it.</summary>
    private const int IndexBytes = 48 + GhostQueue.BytesEach;

    /// <summary>Second chances given to make room for one value, so that an insertion's time is bounded.</summary>
    private const int ChancesMax = 16;

    private readonly Dictionary<ulong, int> _index = [];
    private readonly NativeBuffer _memory;
    private readonly long _bytesMax;
    private byte[] _moved = [];
    private long _head;
    private long _tail;

    public ObjectRing(long bytesMax)
    {
        _bytesMax = bytesMax;
        _memory = NativeBuffer.Allocate(Math.Min(bytesMax / 16 * 15, 1 << 30) & ~7L);
    }

    /// <summary>Bytes in use, with the index.</summary>
    public long Bytes => _tail - _head + (long)_index.Count * IndexBytes;

    /// <summary>Values.</summary>
    public int Count => _index.Count;

    /// <summary>Whether a value is short enough to be held.</summary>
    public bool CanHold(int keyBytes, int valueBytes) => BytesOf(keyBytes, valueBytes) <= _memory.Length / 8;

    /// <summary>Whether a value fits without another going.</summary>
    public bool HasRoom(int keyBytes, int valueBytes) => HasRoom(BytesOf(keyBytes, valueBytes));

    public bool TryGet(ulong hash, ReadOnlySpan<byte> key, Span<byte> destination, out int valueBytes)
    {
        valueBytes = 0;
        if (!_index.TryGetValue(hash, out var at))
            return false;
        var header = _memory.AsSpan<byte>(at, HeaderBytes);
        var keyBytes = BinaryPrimitives.ReadUInt16LittleEndian(header[8..]);
        valueBytes = BinaryPrimitives.ReadInt32LittleEndian(header[12..]);
        if (!_memory.AsSpan<byte>(at + HeaderBytes, keyBytes).SequenceEqual(key))
            return false;
        header[10] = 1;
        var copied = Math.Min(valueBytes, destination.Length);
        _memory.AsSpan<byte>(at + HeaderBytes + keyBytes, copied).CopyTo(destination);
        return true;
    }

    public void Add(ulong hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (!CanHold(key.Length, value.Length))
            return;
        var bytes = BytesOf(key.Length, value.Length);
        _index.Remove(hash);
        var chances = ChancesMax;
        while (!HasRoom(bytes))
            DropOldest(ref chances);
        var at = Place(bytes);
        var header = _memory.AsSpan<byte>(at, HeaderBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(header, hash);
        BinaryPrimitives.WriteUInt16LittleEndian(header[8..], (ushort)key.Length);
        header[10] = 0;
        header[11] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], value.Length);
        key.CopyTo(_memory.AsSpan<byte>(at + HeaderBytes, key.Length));
        value.CopyTo(_memory.AsSpan<byte>(at + HeaderBytes + key.Length, value.Length));
        _index[hash] = at;
    }

    /// <summary>Forgets an object; true when it was here.</summary>
    public bool Remove(ulong hash) => _index.Remove(hash);

    public void Dispose() => _memory.Dispose();

    /// <summary>Takes the oldest value out; false when the place was one that a value had left. The spans are good until the next value comes.</summary>
    public bool TakeOldest(out ulong hash, out bool isUsed, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        hash = 0;
        isUsed = false;
        key = value = default;
        if (!PassOldest(out var at, out _))
            return false;
        var header = _memory.AsSpan<byte>(at, HeaderBytes);
        hash = BinaryPrimitives.ReadUInt64LittleEndian(header);
        isUsed = header[10] != 0;
        var keyBytes = BinaryPrimitives.ReadUInt16LittleEndian(header[8..]);
        key = _memory.AsSpan<byte>(at + HeaderBytes, keyBytes);
        value = _memory.AsSpan<byte>(at + HeaderBytes + keyBytes, BinaryPrimitives.ReadInt32LittleEndian(header[12..]));
        _index.Remove(hash);
        return true;
    }

    private static int BytesOf(int keyBytes, int valueBytes) => (HeaderBytes + keyBytes + valueBytes + 7) & ~7;

    private bool HasRoom(int bytes)
    {
        var end = (int)(_memory.Length - _tail % _memory.Length);
        var needed = end < bytes ? end + bytes : bytes;
        return _tail - _head + needed <= _memory.Length && Bytes + needed + IndexBytes <= _bytesMax;
    }

    /// <summary>Room at the new end that does not wrap; a remainder too short for it is marked as filler.</summary>
    private int Place(int bytes)
    {
        var at = (int)(_tail % _memory.Length);
        if (_memory.Length - at < bytes)
        {
            var filler = (int)(_memory.Length - at);
            var mark = _memory.AsSpan<byte>(at, 8);
            BinaryPrimitives.WriteInt64LittleEndian(mark, 0);
            if (filler >= HeaderBytes)
                BinaryPrimitives.WriteInt64LittleEndian(_memory.AsSpan<byte>(at + 8, 8), -1);
            _tail += filler;
            at = 0;
        }
        _tail += bytes;
        return at;
    }

    private void DropOldest(ref int chances)
    {
        if (!PassOldest(out var at, out var bytes))
            return;
        var header = _memory.AsSpan<byte>(at, HeaderBytes);
        var hash = BinaryPrimitives.ReadUInt64LittleEndian(header);
        if (header[10] == 0 || chances == 0)
        {
            _index.Remove(hash);
            return;
        }
        chances--;
        if (_moved.Length < bytes)
            _moved = new byte[bytes];
        _memory.AsSpan<byte>(at, bytes).CopyTo(_moved);
        // The room it leaves is the room it takes, unless the ring's end lies between; then another one goes.
        if (!HasRoom(bytes))
        {
            _index.Remove(hash);
            return;
        }
        var to = Place(bytes);
        _moved.AsSpan(0, bytes).CopyTo(_memory.AsSpan<byte>(to, bytes));
        _memory.AsSpan<byte>(to + 10, 1)[0] = 0;
        _index[hash] = to;
    }

    /// <summary>Moves the old end over one value; false when nothing is there any more.</summary>
    private bool PassOldest(out int at, out int bytes)
    {
        at = (int)(_head % _memory.Length);
        var room = _memory.Length - at;
        if (room < HeaderBytes || BinaryPrimitives.ReadInt64LittleEndian(_memory.AsSpan<byte>(at + 8, 8)) == -1)
        {
            bytes = (int)room;
            _head += room;
            return false;
        }
        var header = _memory.AsSpan<byte>(at, HeaderBytes);
        bytes = BytesOf(BinaryPrimitives.ReadUInt16LittleEndian(header[8..]), BinaryPrimitives.ReadInt32LittleEndian(header[12..]));
        _head += bytes;
        return _index.TryGetValue(BinaryPrimitives.ReadUInt64LittleEndian(header), out var indexed) && indexed == at;
    }
}
