using System.Buffers.Binary;
using Fathom.Memory;

namespace Fathom.Bpf.Maps;

/// <summary>An array for each processor, so that counters need no atomic instructions to be mostly right.</summary>
/// <remarks>
/// A program sees the array of the processor its thread is on when it asks. Outside of the kernel a thread can be moved in between:
/// two threads can then meet in one value, and a plain increment may be lost. Who must not lose one uses atomic instructions.
/// </remarks>
public sealed class PerCpuArrayMap : KeyedMap
{
    private readonly int _strideBytes;

    internal PerCpuArrayMap(MapDefinition definition)
        : base(definition, CheckedBytes(definition, (long)definition.EntriesMax * Environment.ProcessorCount, CheckedStride(definition, sizeof(uint), sizeof(uint))))
    {
        _strideBytes = RoundUp8(definition.ValueBytes);
        Processors = Environment.ProcessorCount;
    }

    /// <summary>Arrays that there are.</summary>
    public int Processors { get; }

    internal override NativeView ValueMemory => Memory;

    /// <summary>One processor's value, good until the map is disposed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such processor or index.</exception>
    public Span<byte> Value(int processor, int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)processor, (uint)Processors, nameof(processor));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Definition.EntriesMax, nameof(index));
        return Memory.Slice(OffsetOf(processor, (uint)index), ValueBytes).AsSpan<byte>();
    }

    internal override unsafe ulong Find(ReadOnlySpan<byte> key)
    {
        var index = BinaryPrimitives.ReadUInt32LittleEndian(key);
        return index < (uint)Definition.EntriesMax ? (ulong)(Memory.Pointer + OffsetOf(CurrentProcessor(), index)) : 0;
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
        value.CopyTo(Value(CurrentProcessor(), (int)index));
        return 0;
    }

    internal override long Delete(ReadOnlySpan<byte> key) => MapError.Invalid;

    private int CurrentProcessor() => Thread.GetCurrentProcessorId() % Processors;

    private long OffsetOf(int processor, uint index) => (((long)processor * Definition.EntriesMax) + index) * _strideBytes;
}
