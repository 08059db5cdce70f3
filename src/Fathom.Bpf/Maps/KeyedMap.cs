namespace Fathom.Bpf.Maps;

/// <summary>A map from keys to values of fixed sizes.</summary>
public abstract class KeyedMap : BpfMap
{
    private protected KeyedMap(MapDefinition definition, long bytes)
        : base(definition, bytes)
    {
    }

    /// <summary>Bytes of a key.</summary>
    public int KeyBytes => Definition.KeyBytes;

    /// <summary>Bytes of a value.</summary>
    public int ValueBytes => Definition.ValueBytes;

    /// <summary>Copies a value out.</summary>
    /// <param name="key">Exactly <see cref="KeyBytes"/>.</param>
    /// <param name="value">Exactly <see cref="ValueBytes"/>; untouched when there is no entry.</param>
    /// <exception cref="ArgumentException">A length is wrong.</exception>
    public unsafe bool TryGet(ReadOnlySpan<byte> key, Span<byte> value)
    {
        CheckLengths(key, value);
        var address = Find(key);
        if (address == 0)
            return false;
        // SAFETY: Find gives the address of ValueBytes inside of the map's memory.
        new ReadOnlySpan<byte>((void*)address, ValueBytes).CopyTo(value);
        return true;
    }

    /// <summary>Sets a value.</summary>
    /// <returns>Whether the condition of <paramref name="update"/> held, there was room, and the map is not read-only.</returns>
    /// <exception cref="ArgumentException">A length is wrong.</exception>
    public bool TrySet(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, MapUpdate update = MapUpdate.Any)
    {
        CheckLengths(key, value);
        return !Definition.ReadOnly && Update(key, value, (ulong)update) == 0;
    }

    /// <summary>Removes an entry.</summary>
    /// <returns>Whether there was one and the kind can remove.</returns>
    /// <exception cref="ArgumentException">The length is wrong.</exception>
    public bool Remove(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeyBytes)
            throw new ArgumentException($"a key of {key.Length} bytes; map {Definition.Name} has {KeyBytes}", nameof(key));
        return Delete(key) == 0;
    }

    /// <summary>Address of the value, 0 for none; good until the entry's memory is used for another entry.</summary>
    internal abstract ulong Find(ReadOnlySpan<byte> key);

    /// <summary>0 or a negative errno.</summary>
    internal abstract long Update(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong flags);

    /// <summary>0 or a negative errno.</summary>
    internal abstract long Delete(ReadOnlySpan<byte> key);

    private void CheckLengths(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.Length != KeyBytes || value.Length != ValueBytes)
            throw new ArgumentException($"a key of {key.Length} and a value of {value.Length} bytes; map {Definition.Name} has {KeyBytes} and {ValueBytes}", nameof(key));
    }
}
