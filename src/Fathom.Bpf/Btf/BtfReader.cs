using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Fathom.Bpf.Elf;

namespace Fathom.Bpf.Btf;

/// <summary>Reads the bytes of a .BTF section: header, types, strings. Everything is checked before it is used.</summary>
/// <remarks>Source: the kernel's Documentation/bpf/btf.rst.</remarks>
internal ref struct BtfReader
{
    private const ushort Magic = 0xEB9F;
    private const int HeaderBytes = 24;

    private readonly string _origin;
    private readonly ReadOnlySpan<byte> _types;
    private readonly ReadOnlySpan<byte> _strings;
    private int _at;

    public BtfReader(string origin, ReadOnlySpan<byte> section)
    {
        _origin = origin;
        if (section.Length < HeaderBytes)
            throw new InvalidObjectException(origin, ".BTF", $"{section.Length} bytes are too few for a header of {HeaderBytes}");
        var magic = BinaryPrimitives.ReadUInt16LittleEndian(section);
        if (magic != Magic || section[2] != 1)
            throw new InvalidObjectException(origin, ".BTF", $"magic 0x{magic:x4} version {section[2]} is not 0x{Magic:x4} version 1");
        var header = BinaryPrimitives.ReadUInt32LittleEndian(section[4..]);
        if (header < HeaderBytes || header > section.Length)
            throw new InvalidObjectException(origin, ".BTF", $"header of {header} bytes in a section of {section.Length}");
        var body = section[(int)header..];
        _types = Part(body, section[8..], "types");
        _strings = Part(body, section[16..], "strings");
        if (_strings.Length > 0 && (_strings[0] != 0 || _strings[^1] != 0))
            throw new InvalidObjectException(origin, ".BTF", "strings do not begin and end with a zero byte");
    }

    public BtfTypes Read()
    {
        var types = ImmutableArray.CreateBuilder<BtfType>();
        types.Add(new BtfType { Kind = BtfKind.Void, Name = "" });
        while (_at < _types.Length)
            types.Add(ReadType(types.Count));
        foreach (var type in types)
            CheckReferences(type, types.Count);
        return new BtfTypes(_origin, types.ToImmutable());
    }

    private readonly ReadOnlySpan<byte> Part(ReadOnlySpan<byte> body, ReadOnlySpan<byte> position, string what)
    {
        uint offset = BinaryPrimitives.ReadUInt32LittleEndian(position), length = BinaryPrimitives.ReadUInt32LittleEndian(position[4..]);
        if (offset > body.Length || length > body.Length - offset)
            throw new InvalidObjectException(_origin, ".BTF", $"{what} of {length} bytes at {offset} leave its {body.Length} bytes");
        return body.Slice((int)offset, (int)length);
    }

    private BtfType ReadType(int id)
    {
        var name = Text(Next(), id);
        var info = Next();
        var sizeOrType = Next();
        var count = (int)(info & 0xFFFF);
        var kind = (BtfKind)((info >> 24) & 0x1F);
        var flag = info >> 31 != 0;
        switch (kind)
        {
            case BtfKind.Int:
                return new BtfType { Kind = kind, Name = name, SizeBytes = Size(sizeOrType, id), IsSigned = (Next() & 0x0100_0000) != 0 };
            case BtfKind.Float:
                return new BtfType { Kind = kind, Name = name, SizeBytes = Size(sizeOrType, id) };
            case BtfKind.Array:
                int element = Id(Next()), index = Id(Next());
                var elements = Next();
                if (elements > int.MaxValue || index < 0)
                    throw Fault(id, $"array of {elements} elements");
                return new BtfType { Kind = kind, Name = name, Target = element, Elements = (int)elements };
            case BtfKind.Struct or BtfKind.Union:
                return new BtfType { Kind = kind, Name = name, SizeBytes = Size(sizeOrType, id), Members = ReadMembers(id, count, flag) };
            case BtfKind.Enum or BtfKind.Enum64:
                return new BtfType { Kind = kind, Name = name, SizeBytes = Size(sizeOrType, id), IsSigned = flag, Enumerators = ReadEnumerators(id, count, flag, kind) };
            case BtfKind.Prototype:
                return new BtfType { Kind = kind, Name = name, Target = Id(sizeOrType), Members = ReadParameters(id, count) };
            case BtfKind.DataSection:
                return new BtfType { Kind = kind, Name = name, SizeBytes = Size(sizeOrType, id), Members = ReadVariables(count) };
            case BtfKind.Variable:
                return new BtfType { Kind = kind, Name = name, Target = Id(sizeOrType), Linkage = (int)(Next() & 0xFF) };
            case BtfKind.DeclarationTag:
                Next();
                return new BtfType { Kind = kind, Name = name, Target = Id(sizeOrType) };
            case BtfKind.Function:
                return new BtfType { Kind = kind, Name = name, Target = Id(sizeOrType), Linkage = count };
            case BtfKind.Forward:
                return new BtfType { Kind = kind, Name = name };
            case BtfKind.Pointer or BtfKind.Typedef or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.TypeTag:
                return new BtfType { Kind = kind, Name = name, Target = Id(sizeOrType) };
            default:
                throw Fault(id, $"kind {(int)kind} does not exist");
        }
    }

    private ImmutableArray<BtfMember> ReadMembers(int id, int count, bool hasBitfields)
    {
        Need(count * 12L, id);
        var members = ImmutableArray.CreateBuilder<BtfMember>(count);
        for (var i = 0; i < count; i++)
        {
            var name = Text(Next(), id);
            var type = Id(Next());
            var offset = Next();
            members.Add(hasBitfields
                ? new BtfMember(name, type, offset & 0xFF_FFFF, (int)(offset >> 24))
                : new BtfMember(name, type, offset, 0));
        }
        return members.MoveToImmutable();
    }

    private ImmutableArray<BtfEnumerator> ReadEnumerators(int id, int count, bool signed, BtfKind kind)
    {
        Need(count * (kind == BtfKind.Enum ? 8L : 12L), id);
        var enumerators = ImmutableArray.CreateBuilder<BtfEnumerator>(count);
        for (var i = 0; i < count; i++)
        {
            var name = Text(Next(), id);
            var low = Next();
            var value = kind == BtfKind.Enum64 ? (long)(low | ((ulong)Next() << 32)) : signed ? (int)low : low;
            enumerators.Add(new BtfEnumerator(name, value));
        }
        return enumerators.MoveToImmutable();
    }

    private ImmutableArray<BtfMember> ReadParameters(int id, int count)
    {
        Need(count * 8L, id);
        var members = ImmutableArray.CreateBuilder<BtfMember>(count);
        for (var i = 0; i < count; i++)
            members.Add(new BtfMember(Text(Next(), id), Id(Next()), 0, 0));
        return members.MoveToImmutable();
    }

    private ImmutableArray<BtfMember> ReadVariables(int count)
    {
        Need(count * 12L, 0);
        var members = ImmutableArray.CreateBuilder<BtfMember>(count);
        for (var i = 0; i < count; i++)
        {
            var type = Id(Next());
            var offset = Next();
            Next();
            members.Add(new BtfMember("", type, offset * 8L, 0));
        }
        return members.MoveToImmutable();
    }

    private readonly void CheckReferences(BtfType type, int count)
    {
        if (type.Target >= count)
            throw new InvalidObjectException(_origin, ".BTF", $"{type.Kind} {type.Name} refers to type {type.Target} of {count}");
        foreach (var member in type.Members)
        {
            if (member.Type >= count)
                throw new InvalidObjectException(_origin, ".BTF", $"{type.Kind} {type.Name}: {member.Name} is of type {member.Type} of {count}");
        }
    }

    private uint Next()
    {
        if (_types.Length - _at < 4)
            throw new InvalidObjectException(_origin, ".BTF", $"types end at byte {_types.Length} in the middle of one");
        var value = BinaryPrimitives.ReadUInt32LittleEndian(_types[_at..]);
        _at += 4;
        return value;
    }

    private readonly void Need(long bytes, int id)
    {
        if (bytes > _types.Length - _at)
            throw Fault(id, $"{bytes} bytes of members in the {_types.Length - _at} that are left");
    }

    private readonly int Size(uint size, int id) => size <= int.MaxValue ? (int)size : throw Fault(id, $"size of {size} bytes");

    private readonly int Id(uint type) => type <= int.MaxValue ? (int)type : throw Fault(0, $"type {type} does not exist");

    private readonly string Text(uint offset, int id)
    {
        if (offset == 0)
            return "";
        if (offset >= _strings.Length)
            throw Fault(id, $"name at {offset} of {_strings.Length} bytes of strings");
        var rest = _strings[(int)offset..];
        return Encoding.UTF8.GetString(rest[..rest.IndexOf((byte)0)]);
    }

    private readonly InvalidObjectException Fault(int id, string problem) => new(_origin, ".BTF", $"type {id}: {problem}");
}
