using System.Numerics;
using Fathom.Memory;

namespace Fathom.Bpf.Maps;

/// <summary>Takes one record from a <see cref="RingBuffer"/>.</summary>
/// <param name="record">Good until the call returns.</param>
public delegate void RecordReader(ReadOnlySpan<byte> record);

/// <summary>Records from programs to their caller, in the order in which they were reserved.</summary>
/// <remarks>
/// Any number of writers, one reader at a time; one lock guards the positions. A record that is reserved and not yet submitted
/// holds back those behind it. A record lies in one piece: what is left before the wrap is skipped as a discarded record.
/// Lengths and states stand beside the memory that programs write to, so that no program can forge one.
/// </remarks>
public sealed unsafe class RingBuffer : BpfMap
{
    private const int UnitBytes = 8;
    private const uint BusyBit = 1u << 31;
    private const uint DiscardBit = 1u << 30;
    private const uint LengthMask = DiscardBit - 1;

    private readonly Lock _lock = new();

    /// <summary>For each unit of memory the length and state of the record that begins there; 0 for none.</summary>
    private readonly uint[] _records;
    private readonly long _mask;
    private long _reserved;
    private long _read;

    internal RingBuffer(MapDefinition definition)
        : base(definition, CheckedRingBytes(definition), alignment: 4096)
    {
        _mask = definition.EntriesMax - 1;
        _records = new uint[definition.EntriesMax / UnitBytes];
    }

    internal override NativeView ValueMemory => Memory;

    /// <summary>Bytes that are reserved or wait to be read.</summary>
    public long BytesInUse
    {
        get
        {
            lock (_lock)
                return _reserved - _read;
        }
    }

    /// <summary>Hands every finished record to <paramref name="reader"/>, oldest first, up to the first that is still being written.</summary>
    /// <returns>Records read.</returns>
    public int Drain(RecordReader reader)
    {
        lock (_lock)
        {
            var records = 0;
            while (_read < _reserved)
            {
                ref var state = ref StateAt(_read);
                if ((state & BusyBit) != 0)
                    break;
                var length = (int)(state & LengthMask);
                if ((state & DiscardBit) == 0)
                {
                    reader(Memory.Slice(_read & _mask, length).AsSpan<byte>());
                    records++;
                }
                state = 0;
                _read += SlotBytes(length);
            }
            return records;
        }
    }

    /// <summary>Address of a new record's bytes; 0 when it does not fit.</summary>
    internal ulong Reserve(ulong bytes)
    {
        if (bytes == 0 || bytes > (ulong)Definition.EntriesMax)
            return 0;
        var slotBytes = SlotBytes((int)bytes);
        lock (_lock)
        {
            var beforeWrap = Definition.EntriesMax - (_reserved & _mask);
            var skipped = slotBytes > beforeWrap ? beforeWrap : 0;
            if (_reserved - _read + skipped + slotBytes > Definition.EntriesMax)
                return 0;
            if (skipped > 0)
                StateAt(_reserved) = DiscardBit | (uint)skipped;
            _reserved += skipped;
            StateAt(_reserved) = BusyBit | (uint)bytes;
            var record = (ulong)(Memory.Pointer + (_reserved & _mask));
            _reserved += slotBytes;
            return record;
        }
    }

    /// <summary>Ends a record: it may be read, or is skipped.</summary>
    /// <returns>False, and nothing done, when the address is no record that is being written.</returns>
    internal bool TryFinish(ulong record, bool discard)
    {
        var offset = record - (ulong)Memory.Pointer;
        if (offset >= (ulong)Definition.EntriesMax || offset % UnitBytes != 0)
            return false;
        lock (_lock)
        {
            ref var state = ref _records[offset / UnitBytes];
            if ((state & BusyBit) == 0)
                return false;
            state = (state & LengthMask) | (discard ? DiscardBit : 0);
            return true;
        }
    }

    /// <summary>Copies a record in and submits it; 0 or a negative errno.</summary>
    internal long Output(ReadOnlySpan<byte> bytes)
    {
        var record = Reserve((ulong)bytes.Length);
        if (record == 0)
            return MapError.TryAgain;
        bytes.CopyTo(new Span<byte>((void*)record, bytes.Length));
        TryFinish(record, discard: false);
        return 0;
    }

    private static long CheckedRingBytes(MapDefinition definition)
    {
        const int BytesMin = 4096;
        if (definition.EntriesMax < BytesMin || !BitOperations.IsPow2(definition.EntriesMax) || definition.EntriesMax > BytesMax / 4)
            throw new InvalidMapException(definition.Name, $"max_entries is {definition.EntriesMax}: a ring buffer has a power of two of {BytesMin} to {BytesMax / 4} bytes");
        if (definition.KeyBytes != 0 || definition.ValueBytes != 0)
            throw new InvalidMapException(definition.Name, "a ring buffer has no keys and no values");
        return definition.EntriesMax;
    }

    private static long SlotBytes(int bytes) => ((long)bytes + (UnitBytes - 1)) & ~(UnitBytes - 1L);

    private ref uint StateAt(long position) => ref _records[(position & _mask) / UnitBytes];
}
