using Fathom.FarMemory.Epochs;
using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Heap;

/// <summary>What one thread keeps of one heap: its part in the epochs, the span it allocates in for each size class, free slots.</summary>
/// <remarks>
/// Owned by its thread. A filtering thread may take a current span away under the span's lock; the owner notices by the span's owner.
/// When the thread ends, <see cref="ThreadEnd"/> marks the cache and a background thread empties it.
/// </remarks>
internal sealed class ThreadCache(FarHeap heap, EpochParticipant participant)
{
    private readonly nint[] _slots = new nint[2 * SlotTable.BatchSlots];
    private int _slotCount;

    public FarHeap Heap { get; } = heap;

    public EpochParticipant Participant { get; } = participant;

    public LocalSpan?[] Current { get; } = new LocalSpan?[SizeClasses.Count];

    public nint TakeSlot(SlotTable table)
    {
        if (_slotCount == 0)
        {
            table.Take(_slots.AsSpan(0, SlotTable.BatchSlots));
            _slotCount = SlotTable.BatchSlots;
        }
        return _slots[--_slotCount];
    }

    public void GiveBackSlot(SlotTable table, nint slot)
    {
        if (_slotCount == _slots.Length)
        {
            _slotCount -= SlotTable.BatchSlots;
            table.GiveBack(_slots.AsSpan(_slotCount, SlotTable.BatchSlots));
        }
        _slots[_slotCount++] = slot;
    }

    /// <summary>Gives all slots back; the thread is gone.</summary>
    public void ReturnSlots(SlotTable table)
    {
        table.GiveBack(_slots.AsSpan(0, _slotCount));
        _slotCount = 0;
    }
}

/// <summary>Reachable from its thread alone: finalized after the thread has ended.</summary>
internal sealed class ThreadEnd(EpochParticipant participant)
{
    ~ThreadEnd() => participant.IsAbandoned = true;
}
