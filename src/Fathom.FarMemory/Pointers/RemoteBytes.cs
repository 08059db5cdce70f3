namespace Fathom.FarMemory.Pointers;

/// <summary>The one pointer to a run of bytes whose length is set when it is made.</summary>
/// <remarks>As <see cref="RemoteUnique{T}"/>. The object begins with its length, 8 bytes.</remarks>
public readonly unsafe struct RemoteBytes : IEquatable<RemoteBytes>
{
    internal const int HeaderBytes = 8;

    private readonly ulong* _slot;

    internal RemoteBytes(ulong* slot) => _slot = slot;

    /// <summary>Points to nothing.</summary>
    public bool IsNull => _slot == null;

    /// <summary>In local memory at this moment; without a scope it may leave in the next.</summary>
    public bool IsLocal => _slot != null && new PointerWord(Volatile.Read(ref *_slot)).IsPresent;

    internal ulong* Slot => _slot;

    /// <summary>The bytes, brought to local memory if they are not there.</summary>
    /// <param name="scope">An open scope of the same heap; the span ends with it.</param>
    /// <exception cref="NullReferenceException">The pointer is null.</exception>
    /// <exception cref="FarMemoryException">The object could not be brought here; the type says why.</exception>
    public Span<byte> Deref(in DerefScope scope)
    {
        var address = Dereference.Address(_slot, scope);
        // SAFETY: the header was written with the object and holds its length.
        return new Span<byte>(address + HeaderBytes, *(int*)address);
    }

    /// <inheritdoc/>
    public bool Equals(RemoteBytes other) => _slot == other._slot;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is RemoteBytes other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ((nint)_slot).GetHashCode();

    /// <summary>Same object.</summary>
    public static bool operator ==(RemoteBytes left, RemoteBytes right) => left.Equals(right);

    /// <summary>Different objects.</summary>
    public static bool operator !=(RemoteBytes left, RemoteBytes right) => !left.Equals(right);

    /// <summary>Fills a fresh object; what content leaves out is zero.</summary>
    internal static void Write(byte* address, int lengthBytes, ReadOnlySpan<byte> content)
    {
        *(long*)address = lengthBytes;
        var room = new Span<byte>(address + HeaderBytes, lengthBytes);
        content.CopyTo(room);
        room[content.Length..].Clear();
    }
}
