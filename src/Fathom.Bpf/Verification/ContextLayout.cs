using System.Collections.Immutable;
using Fathom.Bpf.Btf;

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

    /// <summary>The structure as types, for <see cref="Elf.BpfObject.Open(string, BtfTypes?)"/>: programs compiled against another version of it are fitted to this one.</summary>
    public BtfTypes ToTypes()
    {
        var types = ImmutableArray.CreateBuilder<BtfType>();
        types.Add(new BtfType { Kind = BtfKind.Void, Name = "" });
        var members = ImmutableArray.CreateBuilder<BtfMember>();
        foreach (var field in Fields)
        {
            types.Add(new BtfType { Kind = BtfKind.Int, Name = $"__u{field.ElementBytes * 8}", SizeBytes = field.ElementBytes });
            if (field.Elements > 1)
                types.Add(new BtfType { Kind = BtfKind.Array, Name = "", Target = types.Count - 1, Elements = field.Elements });
            members.Add(new BtfMember(field.Name, types.Count - 1, field.OffsetBytes * 8L, 0));
        }
        const string Keyword = "struct ";
        var name = Name.StartsWith(Keyword, StringComparison.Ordinal) ? Name[Keyword.Length..] : Name;
        types.Add(new BtfType { Kind = BtfKind.Struct, Name = name, SizeBytes = Bytes, Members = members.ToImmutable() });
        return new BtfTypes(Name, types.ToImmutable());
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
