using Fathom.Memory;

namespace Fathom.Bpf.Maps;

/// <summary>A map with its native memory. Programs and their caller may use it at the same time, from any thread.</summary>
/// <remarks>Whoever disposes a map makes sure that no program that refers to it runs any more.</remarks>
public abstract class BpfMap : IDisposable
{
    /// <summary>Bytes of native memory that one map may take.</summary>
    public const long BytesMax = 1L << 30;

    private readonly NativeBuffer _memory;

    private protected BpfMap(MapDefinition definition, long bytes, int alignment = 64)
    {
        Definition = definition;
        _memory = NativeBuffer.Allocate(bytes, alignment);
    }

    /// <summary>What the map was made from.</summary>
    public MapDefinition Definition { get; }

    /// <summary>All memory that a program may get a pointer into.</summary>
    internal abstract NativeView ValueMemory { get; }

    private protected NativeView Memory => _memory.View;

    /// <summary>Makes a map.</summary>
    /// <param name="definition">Checked here; it may come from a hostile object file.</param>
    /// <exception cref="InvalidMapException">A size is not one of the kind's, or the map is larger than <see cref="BytesMax"/>.</exception>
    public static BpfMap Create(MapDefinition definition) => definition.Kind switch
    {
        MapKind.Array => new ArrayMap(definition),
        MapKind.PerCpuArray => new PerCpuArrayMap(definition),
        MapKind.Hash => new HashMap(definition),
        MapKind.RingBuffer => new RingBuffer(definition),
        _ => throw new InvalidMapException(definition.Name, $"kind {(int)definition.Kind} is not supported"),
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Bytes of <paramref name="entries"/> strides.</summary>
    /// <exception cref="InvalidMapException">None or too many.</exception>
    private protected static long CheckedBytes(MapDefinition definition, long entries, long strideBytes)
    {
        if (definition.EntriesMax <= 0)
            throw new InvalidMapException(definition.Name, $"max_entries is {definition.EntriesMax}");
        if (entries > BytesMax / strideBytes)
            throw new InvalidMapException(definition.Name, $"{entries} entries of {strideBytes} bytes are more than {BytesMax} bytes");
        return entries * strideBytes;
    }

    private protected static int RoundUp8(int bytes) => checked(bytes + 7) & ~7;

    /// <exception cref="InvalidMapException">Keys or values of a size that the kind does not have.</exception>
    private protected static int CheckedStride(MapDefinition definition, int keyBytesMin, int keyBytesMax)
    {
        const int ValueBytesMax = 1 << 20;
        if (definition.KeyBytes < keyBytesMin || definition.KeyBytes > keyBytesMax)
            throw new InvalidMapException(definition.Name, $"keys of {definition.KeyBytes} bytes: {keyBytesMin} to {keyBytesMax} are allowed");
        if (definition.ValueBytes is < 1 or > ValueBytesMax)
            throw new InvalidMapException(definition.Name, $"values of {definition.ValueBytes} bytes: 1 to {ValueBytesMax} are allowed");
        if (definition.InitialValue.Length > definition.ValueBytes)
            throw new InvalidMapException(definition.Name, $"an initial value of {definition.InitialValue.Length} bytes does not fit into {definition.ValueBytes}");
        return RoundUp8(definition.ValueBytes);
    }
}
