using Fathom.FarMemory.Epochs;
using Fathom.FarMemory.Heap;

namespace Fathom.FarMemory.Pointers;

/// <summary>
/// A critical section of the calling thread: nothing dereferenced with it moves or leaves local memory before it is disposed.
/// </summary>
/// <remarks>
/// <code>
/// using var scope = heap.EnterScope();
/// ref Order order = ref pointer.Deref(scope);
/// </code>
/// A ref struct: it cannot be stored, captured or held across <c>await</c>, and the compiler rejects a reference from
/// <c>Deref</c> that would outlive it. Scopes nest; objects are held until the outermost one ends. Keep them short: background threads
/// work around a scope that stays, but what it used stays in local memory with it.
/// </remarks>
public readonly unsafe ref struct DerefScope
{
    internal readonly EpochSlot* Slot;
    internal readonly ThreadCache Cache;

    internal DerefScope(ThreadCache cache, EpochSlot* slot)
    {
        Cache = cache;
        Slot = slot;
    }

    /// <summary>Ends the scope: references taken with it must not be used any more.</summary>
    public void Dispose()
    {
        if (Slot != null && Slot->Exit())
            Cache.Participant.ClearHeld();
    }
}
