using Fathom.Memory;

namespace Fathom.FarMemory.Pointers;

/// <summary>
/// Native slots for pointer words. A slot stays where it is for as long as its pointer lives, so the collector and the movement of
/// objects leave it alone, and an object's reverse pointer is the address of its slot.
/// </summary>
/// <remarks>
/// Any thread may take and give back; one lock guards the free list. Threads take and give batches through their caches. Memory of
/// slots is never returned to the system before the table is: a reverse pointer read late still reads a slot.
/// </remarks>
internal sealed unsafe class SlotTable : IDisposable
{
    /// <summary>Slots that move between a thread's cache and the table at once.</summary>
    public const int BatchSlots = 128;

    private const int ChunkBytes = 256 << 10;

    private readonly Lock _lock = new();
    private readonly List<NativeBuffer> _chunks = [];
    private readonly List<nint> _free = [];
    private readonly List<(nint First, long Count)> _freeBlocks = [];
    private readonly int _slotBytes;
    private long _bytes;
    private byte* _next;
    private byte* _end;

    /// <summary>An empty table.</summary>
    /// <param name="slotBytes">8 for a word alone, 16 for a word and a count.</param>
    public SlotTable(int slotBytes) => _slotBytes = slotBytes;

    /// <summary>Bytes of native memory that slots take.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
                return _bytes;
        }
    }

    /// <summary>Fills <paramref name="slots"/> with slots whose words are 0.</summary>
    public void Take(Span<nint> slots)
    {
        lock (_lock)
        {
            var reused = Math.Min(_free.Count, slots.Length);
            for (var i = 0; i < reused; i++)
                slots[i] = _free[_free.Count - 1 - i];
            _free.RemoveRange(_free.Count - reused, reused);
            for (var i = reused; i < slots.Length; i++)
            {
                if (_next == _end)
                    TakeChunk();
                slots[i] = (nint)_next;
                _next += _slotBytes;
            }
        }
    }

    /// <summary>Takes back slots whose words are 0.</summary>
    public void GiveBack(ReadOnlySpan<nint> slots)
    {
        lock (_lock)
            _free.AddRange(slots);
    }

    /// <summary>Slots side by side, words 0: for containers that find a slot by its index.</summary>
    public ulong* TakeBlock(long count)
    {
        lock (_lock)
        {
            for (var i = 0; i < _freeBlocks.Count; i++)
            {
                var (first, length) = _freeBlocks[i];
                if (length < count)
                    continue;
                if (length == count)
                    _freeBlocks.RemoveAt(i);
                else
                    _freeBlocks[i] = (first + (nint)(count * _slotBytes), length - count);
                return (ulong*)first;
            }
            return (ulong*)Allocate(count * _slotBytes);
        }
    }

    /// <summary>Takes back a block whose words are 0. Its memory stays for other blocks and slots.</summary>
    public void GiveBackBlock(ulong* first, long count)
    {
        lock (_lock)
            _freeBlocks.Add(((nint)first, count));
    }

    public void Dispose()
    {
        foreach (var chunk in _chunks)
            chunk.Dispose();
    }

    private void TakeChunk()
    {
        if (_freeBlocks.Count > 0)
        {
            var (first, count) = _freeBlocks[^1];
            _freeBlocks.RemoveAt(_freeBlocks.Count - 1);
            _next = (byte*)first;
            _end = _next + count * _slotBytes;
            return;
        }
        _next = Allocate(ChunkBytes);
        _end = _next + ChunkBytes;
    }

    private byte* Allocate(long bytes)
    {
        var chunk = NativeBuffer.Allocate(bytes);
        _chunks.Add(chunk);
        _bytes += bytes;
        return chunk.Pointer;
    }
}
