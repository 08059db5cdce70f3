using System.Runtime.CompilerServices;
using Fathom.FarMemory.Epochs;

namespace Fathom.FarMemory.Pointers;

/// <summary>The one pointer to an object that lives in local or far memory.</summary>
/// <typeparam name="T">What it points to: any type without references to managed objects, other remote pointers included.</typeparam>
/// <remarks>
/// Eight bytes: the address of a native slot that holds the pointer word. Copies name the same object, so a remote pointer may stand in
/// managed fields, on the stack and in far objects alike. Freed with <c>FarHeap.Free</c>, once; like a native pointer it does not know
/// that it was freed after its slot has been used again.
/// </remarks>
public readonly unsafe struct RemoteUnique<T> : IEquatable<RemoteUnique<T>>
    where T : unmanaged
{
    private readonly ulong* _slot;

    internal RemoteUnique(ulong* slot) => _slot = slot;

    /// <summary>Points to nothing.</summary>
    public bool IsNull => _slot == null;

    /// <summary>In local memory at this moment; without a scope it may leave in the next.</summary>
    public bool IsLocal => _slot != null && new PointerWord(Volatile.Read(ref *_slot)).IsPresent;

    internal ulong* Slot => _slot;

    internal nint SlotAddress => (nint)_slot;

    /// <summary>The object, brought to local memory if it is not there.</summary>
    /// <param name="scope">An open scope of the same heap; the reference ends with it.</param>
    /// <exception cref="NullReferenceException">The pointer is null.</exception>
    /// <exception cref="FarMemoryException">The object could not be brought here; the type says why.</exception>
    /// <remarks>Allocates nothing.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref T Deref(in DerefScope scope) => ref Unsafe.AsRef<T>(Dereference.Address(_slot, scope));

    /// <inheritdoc/>
    public bool Equals(RemoteUnique<T> other) => _slot == other._slot;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is RemoteUnique<T> other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ((nint)_slot).GetHashCode();

    /// <summary>Same object.</summary>
    public static bool operator ==(RemoteUnique<T> left, RemoteUnique<T> right) => left.Equals(right);

    /// <summary>Different objects.</summary>
    public static bool operator !=(RemoteUnique<T> left, RemoteUnique<T> right) => !left.Equals(right);
}

/// <summary>The short way of a dereference, small enough to be inlined.</summary>
internal static unsafe class Dereference
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Address(ulong* slot, in DerefScope scope)
    {
        var word = Volatile.Read(ref *slot);
        var log = scope.Slot;
        var count = log->LogCount;
        if ((word & PointerWord.BarrierMask) != PointerWord.Present || count >= EpochSlot.LogEntriesMax)
            return LongWay(slot, scope);
        // Log the page, then look again: a mark that was set in between may have been set by somebody who did not see the log.
        log->Log[count] = (uint)(word >> EpochSlot.PageShift);
        Volatile.Write(ref log->LogCount, count + 1);
        if (((Volatile.Read(ref *slot) ^ word) & ~PointerWord.HotnessMask) != 0)
            return LongWay(slot, scope);
        if ((byte)(word >> PointerWord.HotnessShift) != PointerWord.Hottest)
            ((byte*)slot)[PointerWord.HotnessShift / 8] = PointerWord.Hottest;
        return (byte*)(word & PointerWord.AddressMask);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static byte* LongWay(ulong* slot, in DerefScope scope) => scope.Cache.Heap.Barrier.Dereference(slot, scope.Cache);
}
