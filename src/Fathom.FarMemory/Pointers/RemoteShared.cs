using System.Runtime.CompilerServices;

namespace Fathom.FarMemory.Pointers;

/// <summary>One of several pointers to an object; the object ends with the last of them.</summary>
/// <typeparam name="T">What it points to.</typeparam>
/// <remarks>
/// All pointers to an object name one slot: its word and, beside it, how many there are. Carbink's shared pointers carry a word each
/// and are chained so that a move can fix all of them; here a move fixes one word, however many pointers there are. Get another with
/// <c>FarHeap.Share</c>, give each up with <c>FarHeap.Free</c>.
/// </remarks>
public readonly unsafe struct RemoteShared<T> : IEquatable<RemoteShared<T>>
    where T : unmanaged
{
    private readonly ulong* _slot;

    internal RemoteShared(ulong* slot) => _slot = slot;

    /// <summary>Points to nothing.</summary>
    public bool IsNull => _slot == null;

    internal ulong* Slot => _slot;

    /// <summary>Number of pointers, in the 8 bytes after the word.</summary>
    internal long* Count => (long*)(_slot + 1);

    /// <inheritdoc cref="RemoteUnique{T}.Deref"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref T Deref(in DerefScope scope) => ref Unsafe.AsRef<T>(Dereference.Address(_slot, scope));

    /// <inheritdoc/>
    public bool Equals(RemoteShared<T> other) => _slot == other._slot;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is RemoteShared<T> other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ((nint)_slot).GetHashCode();

    /// <summary>Same object.</summary>
    public static bool operator ==(RemoteShared<T> left, RemoteShared<T> right) => left.Equals(right);

    /// <summary>Different objects.</summary>
    public static bool operator !=(RemoteShared<T> left, RemoteShared<T> right) => !left.Equals(right);
}
