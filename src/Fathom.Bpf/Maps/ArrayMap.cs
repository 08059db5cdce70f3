using System.Buffers.Binary;
using Fathom.Memory;

namespace Fathom.Bpf.Maps;

/// <summary>Values by index, all there from the start. Globals of an object file are arrays of one value.</summary>
/// <remarks>No lock: as in the kernel, writers of one value agree among themselves, with atomic instructions or otherwise.</remarks>
public sealed class ArrayMap : KeyedMap
{
    private readonly int _strideBytes;

    internal ArrayMap(MapDefinition definition)
        : base(definition, CheckedBytes(definition, definition.EntriesMax, CheckedStride(definition, sizeof(uint), sizeof(uint))))
    {
        _strideBytes = RoundUp8(definition.ValueBytes);
        definition.InitialValue.AsSpan().CopyTo(At(0));
    }

    internal override NativeView ValueMemory => Memory;

    /// <summary>The value itself, good until the map is disposed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such index.</exception>
    /// <exception cref="InvalidOperationException">The map is read-only: programs were verified with the values that it has. <see cref="KeyedMap.TryGet"/> copies one.</exception>
    public Span<byte> Value(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Definition.EntriesMax, nameof(index));
        if (Definition.ReadOnly)
            throw new InvalidOperationException($"Map {Definition.Name} is read-only.");
        return At(index);
    }

    private Span<byte> At(int index) => Memory.Slice((long)index * _strideBytes, ValueBytes).AsSpan<byte>();

    internal override unsafe ulong Find(ReadOnlySpan<byte> key)
    {
        var index = BinaryPrimitives.ReadUInt32LittleEndian(key);
        return index < (uint)Definition.EntriesMax ? (ulong)(Memory.Pointer + ((long)index * _strideBytes)) : 0;
    }

    internal override long Update(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong flags)
    {
        if (flags > (ulong)MapUpdate.Exist)
            return MapError.Invalid;
        var index = BinaryPrimitives.ReadUInt32LittleEndian(key);
        if (index >= (uint)Definition.EntriesMax)
            return MapError.TooBig;
        if (flags == (ulong)MapUpdate.NoExist)
            return MapError.Exists;
        value.CopyTo(At((int)index));
        return 0;
    }

    internal override long Delete(ReadOnlySpan<byte> key) => MapError.Invalid;
}
