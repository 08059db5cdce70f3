using System.Collections.Immutable;

namespace Fathom.Bpf.Verification;

/// <summary>The structure that R1 points to when a program starts.</summary>
public sealed class ContextLayout
{
    private ContextLayout(string name, int bytes, ImmutableArray<ContextField> fields)
    {
        Name = name;
        Bytes = bytes;
        Fields = fields;
    }

    /// <summary>R1 holds nothing.</summary>
    public static ContextLayout None { get; } = new("none", 0, []);

    /// <summary>The structure's name in C.</summary>
    public string Name { get; }

    /// <summary>Its size.</summary>
    public int Bytes { get; }

    /// <summary>Its fields, by offset; empty for raw memory. What lies between fields cannot be touched.</summary>
    public ImmutableArray<ContextField> Fields { get; }

    /// <summary>The context is plain memory of any content.</summary>
    public bool IsRawMemory { get; private init; }

    /// <summary>Of raw memory: programs may write to it.</summary>
    public bool IsWritable { get; private init; }

    /// <summary>Access through the context pointer plus a constant is allowed, as through a typed pointer in the kernel; otherwise only at the load's or store's own offset.</summary>
    public bool AllowsMovedPointer { get; private init; }

    /// <summary>A structure.</summary>
    /// <param name="name">Its name in C.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="allowsMovedPointer">See <see cref="AllowsMovedPointer"/>.</param>
    /// <param name="fields">Its fields, which do not overlap.</param>
    /// <exception cref="ArgumentException">A field lies outside of the structure, is misaligned or overlaps the one before it.</exception>
    public static ContextLayout Structure(string name, int bytes, bool allowsMovedPointer, params ContextField[] fields)
    {
        var end = 0;
        var sorted = fields.OrderBy(field => field.OffsetBytes).ToImmutableArray();
        foreach (var field in sorted)
        {
            if (field.ElementBytes is not (1 or 2 or 4 or 8) || field.Elements < 1 || field.OffsetBytes % field.ElementBytes != 0)
                throw new ArgumentException($"{name}.{field.Name}: {field.Elements} x {field.ElementBytes} bytes at {field.OffsetBytes} is no aligned field.", nameof(fields));
            if (field.OffsetBytes < end || field.Bytes > bytes - field.OffsetBytes)
                throw new ArgumentException($"{name}.{field.Name}: {field.Bytes} bytes at {field.OffsetBytes} overlap, or leave the {bytes} bytes.", nameof(fields));
            end = field.OffsetBytes + field.Bytes;
        }
        return new ContextLayout(name, bytes, sorted) { AllowsMovedPointer = allowsMovedPointer };
    }

    /// <summary>Memory of a fixed size and any content.</summary>
    /// <param name="bytes">Bytes behind R1.</param>
    /// <param name="isWritable">Programs may write to it.</param>
    public static ContextLayout Memory(int bytes, bool isWritable) => new("memory", bytes, []) { IsRawMemory = true, IsWritable = isWritable };
}
