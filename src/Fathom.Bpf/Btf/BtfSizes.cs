using System.Collections.Immutable;
using Fathom.Bpf.Elf;

namespace Fathom.Bpf.Btf;

/// <summary>Sizes of all types; finds types that contain themselves.</summary>
internal static class BtfSizes
{
    private const byte New = 0, Open = 1, Done = 2;

    /// <summary>Bytes by type id; -1 for what has none.</summary>
    public static long[] Compute(string origin, ImmutableArray<BtfType> types)
    {
        var sizes = new long[types.Length];
        var state = new byte[types.Length];
        // Depth first without recursion: chains are as long as the file wants.
        var path = new Stack<(int Id, int Next)>();
        for (var root = 0; root < types.Length; root++)
        {
            if (state[root] == New)
                path.Push((root, 0));
            while (path.TryPop(out var top))
            {
                var type = types[top.Id];
                state[top.Id] = Open;
                if (top.Next == PartCount(type))
                {
                    sizes[top.Id] = Size(origin, top.Id, type, types, sizes);
                    state[top.Id] = Done;
                    continue;
                }
                path.Push((top.Id, top.Next + 1));
                var part = Part(type, top.Next);
                if (state[part] == Open)
                    throw new InvalidObjectException(origin, ".BTF", $"type {part} ({types[part].Kind} {types[part].Name}) contains itself");
                if (state[part] == New)
                    path.Push((part, 0));
            }
        }
        return sizes;
    }

    /// <summary>Types that a value of this type holds, or that this type is another name for. A pointer holds none.</summary>
    private static int PartCount(BtfType type) => type.Kind switch
    {
        BtfKind.Array or BtfKind.Variable => 1,
        BtfKind.Struct or BtfKind.Union or BtfKind.DataSection => type.Members.Length,
        _ => type.IsModifier ? 1 : 0,
    };

    private static int Part(BtfType type, int index) => type.Members.IsEmpty ? type.Target : type.Members[index].Type;

    private static long Size(string origin, int id, BtfType type, ImmutableArray<BtfType> types, long[] sizes)
    {
        switch (type.Kind)
        {
            case BtfKind.Void or BtfKind.Function or BtfKind.Prototype or BtfKind.Forward or BtfKind.DeclarationTag:
                return -1;
            case BtfKind.Pointer:
                return 8;
            case BtfKind.Array:
                var element = sizes[type.Target];
                if (element < 0)
                    throw new InvalidObjectException(origin, ".BTF", $"type {id}: array of {types[type.Target].Kind}, which has no size");
                if (type.Elements > 0 && element > int.MaxValue / type.Elements)
                    throw new InvalidObjectException(origin, ".BTF", $"type {id}: array of {type.Elements} x {element} bytes is too large");
                return element * type.Elements;
            case BtfKind.Struct or BtfKind.Union:
                CheckMembers(origin, id, type, sizes);
                return type.SizeBytes;
            case BtfKind.Variable:
                return sizes[type.Target];
            default:
                return type.IsModifier ? sizes[type.Target] : type.SizeBytes;
        }
    }

    private static void CheckMembers(string origin, int id, BtfType type, long[] sizes)
    {
        foreach (var member in type.Members)
        {
            var size = sizes[member.Type];
            var bits = member.BitfieldBits > 0 ? member.BitfieldBits : size * 8;
            if (size < 0 || member.OffsetBits > (type.SizeBytes * 8L) - bits)
                throw new InvalidObjectException(origin, ".BTF", $"type {id} ({type.Name}): member {member.Name} at bit {member.OffsetBits} leaves its {type.SizeBytes} bytes");
        }
    }
}
