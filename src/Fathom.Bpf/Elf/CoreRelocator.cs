using System.Globalization;
using Fathom.Bpf.Btf;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Elf;

/// <summary>Fits instructions to the layout of the target's types: "compile once, run everywhere".</summary>
/// <remarks>
/// A relocation names a local type and a path through it; the path is followed by names through the target's type of the same name (what
/// follows three underscores does not count). What the target lacks becomes a call that no verifier accepts, so that only code which
/// can be reached complains. Source: libbpf's rules for CO-RE.
/// </remarks>
internal sealed class CoreRelocator(string name, BtfTypes local, BtfTypes target)
{
    /// <summary>A helper number that no program type has; libbpf uses the same.</summary>
    private const int MissingHelper = 0xbad2310;

    private const int SearchesMax = 100_000;
    private const int NestingMax = 64;

    private int _searches;
    private int _nesting;

    private readonly record struct Field(long OffsetBits, int Type, int BitfieldBits);

    public void Apply(string section, BpfInstruction[] slots, IEnumerable<BtfRelocation> relocations)
    {
        foreach (var relocation in relocations)
        {
            var index = relocation.OffsetBytes / BpfInstruction.SizeBytes;
            if (relocation.OffsetBytes % BpfInstruction.SizeBytes != 0 || index >= slots.Length)
                throw Fault(section, $"CO-RE relocation at {relocation.OffsetBytes} of {slots.Length} instructions");
            var path = ParsePath(section, relocation.Access);
            if (Value(relocation, path, section) is { } value)
                Patch(section, slots, (int)index, relocation, value);
            else
                Poison(slots, (int)index);
        }
    }

    private int[] ParsePath(string section, string access)
    {
        var parts = access.Split(':');
        var path = new int[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out path[i]))
                throw Fault(section, $"CO-RE path '{access}'");
        }
        return path;
    }

    /// <summary>The value for the instruction; null when the target lacks what is asked for.</summary>
    private long? Value(BtfRelocation relocation, int[] path, string section)
    {
        switch (relocation.Kind)
        {
            case CoreKind.TypeIdLocal:
                return relocation.Type;
            case CoreKind.TypeIdTarget:
                return Counterpart(relocation.Type) is > 0 and var id ? id : null;
            case CoreKind.TypeExists or CoreKind.TypeMatches:
                return Counterpart(relocation.Type) > 0 ? 1 : 0;
            case CoreKind.TypeSize:
                return Counterpart(relocation.Type) is > 0 and var sized ? target.SizeOf(sized) : null;
            case CoreKind.EnumeratorExists:
                return Enumerator(section, relocation.Type, path) is null ? 0 : 1;
            case CoreKind.EnumeratorValue:
                return Enumerator(section, relocation.Type, path);
            default:
                return FieldValue(section, relocation, path);
        }
    }

    private long? FieldValue(string section, BtfRelocation relocation, int[] path)
    {
        var field = Counterpart(relocation.Type) is > 0 and var type ? Follow(section, relocation.Type, type, path) : null;
        if (relocation.Kind == CoreKind.FieldExists)
            return field is null ? 0 : 1;
        if (field is not { } found)
            return null;
        var size = target.SizeOf(found.Type);
        // A bit field is read as the aligned word of its type that holds it.
        var offset = found.BitfieldBits == 0 ? found.OffsetBits / 8 : found.OffsetBits / 8 / Math.Max(size, 1) * size;
        var kind = target[target.Resolve(found.Type)];
        var bits = found.BitfieldBits == 0 ? size * 8 : found.BitfieldBits;
        return relocation.Kind switch
        {
            CoreKind.FieldOffset => offset,
            CoreKind.FieldSize => size,
            CoreKind.FieldSigned => kind.IsSigned ? 1 : 0,
            CoreKind.FieldShiftLeft => 64 - (bits + found.OffsetBits - (offset * 8)),
            _ => 64 - bits,
        };
    }

    private int Counterpart(int localType)
    {
        var type = local[local.Resolve(localType)];
        var wanted = Essential(type.Name);
        if (wanted.Length == 0)
            return ReferenceEquals(local, target) ? local.Resolve(localType) : 0;
        for (var id = 1; id < target.Count; id++)
        {
            if (target[id].Kind == type.Kind && Essential(target[id].Name) == wanted)
                return id;
        }
        return 0;
    }

    private static string Essential(string name)
    {
        var flavour = name.LastIndexOf("___", StringComparison.Ordinal);
        return flavour > 0 ? name[..flavour] : name;
    }

    /// <summary>Follows a path by names; the first step is an index over whole values.</summary>
    private Field? Follow(string section, int localRoot, int targetRoot, int[] path)
    {
        int from = local.Resolve(localRoot), to = targetRoot;
        var field = new Field(path[0] * target.SizeOf(to) * 8, to, 0);
        for (var i = 1; i < path.Length; i++)
        {
            from = local.Resolve(from);
            to = target.Resolve(field.Type);
            var type = local[from];
            if (type.Kind == BtfKind.Array)
            {
                if (target[to].Kind != BtfKind.Array || (path[i] >= target[to].Elements && target[to].Elements > 0))
                    return null;
                field = new Field(field.OffsetBits + (path[i] * target.SizeOf(target[to].Target) * 8), target[to].Target, 0);
                from = type.Target;
                continue;
            }
            if (!type.IsComposite || path[i] >= type.Members.Length)
                throw Fault(section, $"CO-RE path {string.Join(':', path)} leaves {type.Kind} {type.Name}");
            var member = type.Members[path[i]];
            from = member.Type;
            // An anonymous member has no name to look for: its own members are found through the target's anonymous ones.
            if (member.Name.Length == 0)
                continue;
            if (FindMember(to, member.Name) is not { } found)
                return null;
            field = found with { OffsetBits = field.OffsetBits + found.OffsetBits };
        }
        return field;
    }

    private Field? FindMember(int composite, string wanted)
    {
        // Anonymous members can be nested and shared so that a search has no end in sight.
        if (++_searches > SearchesMax)
            throw Fault(".BTF.ext", $"looking for {wanted} takes more than {SearchesMax} steps");
        foreach (var member in target[composite].Members)
        {
            if (member.Name == wanted)
                return new Field(member.OffsetBits, member.Type, member.BitfieldBits);
            if (member.Name.Length != 0 || _nesting == NestingMax || !target[target.Resolve(member.Type)].IsComposite)
                continue;
            _nesting++;
            var nested = FindMember(target.Resolve(member.Type), wanted);
            _nesting--;
            if (nested is { } inner)
                return inner with { OffsetBits = inner.OffsetBits + member.OffsetBits };
        }
        return null;
    }

    private long? Enumerator(string section, int localType, int[] path)
    {
        var type = local[local.Resolve(localType)];
        if (!type.IsEnumeration || path[0] >= type.Enumerators.Length)
            throw Fault(section, $"CO-RE enumerator {path[0]} of {type.Kind} {type.Name}");
        var wanted = Essential(type.Enumerators[path[0]].Name);
        var counterpart = Counterpart(localType);
        if (counterpart == 0)
            return null;
        foreach (var enumerator in target[counterpart].Enumerators)
        {
            if (Essential(enumerator.Name) == wanted)
                return enumerator.Value;
        }
        return null;
    }

    private void Patch(string section, BpfInstruction[] slots, int index, BtfRelocation relocation, long value)
    {
        var slot = slots[index];
        if (slot.IsWideImmediate && index + 1 < slots.Length)
        {
            slots[index] = new BpfInstruction(slot.Opcode, slot.Destination, slot.Source, slot.Offset, (int)value);
            var high = slots[index + 1];
            slots[index + 1] = new BpfInstruction(high.Opcode, high.Destination, high.Source, high.Offset, (int)(value >> 32));
        }
        else if (slot.IsAlu && !slot.UsesSourceRegister && value is >= int.MinValue and <= uint.MaxValue)
        {
            slots[index] = new BpfInstruction(slot.Opcode, slot.Destination, slot.Source, slot.Offset, (int)value);
        }
        else if (slot.Class is InstructionClass.LoadRegister or InstructionClass.Store or InstructionClass.StoreRegister && relocation.Kind == CoreKind.FieldOffset && value is >= 0 and <= short.MaxValue)
        {
            slots[index] = new BpfInstruction(slot.Opcode, slot.Destination, slot.Source, (short)value, slot.Immediate);
        }
        else
        {
            throw Fault(section, $"CO-RE value {value} does not fit instruction {index} (opcode 0x{slot.Opcode:x2})");
        }
    }

    private static void Poison(BpfInstruction[] slots, int index)
    {
        var isWide = slots[index].IsWideImmediate;
        slots[index] = Encode.Call(CallKind.Helper, MissingHelper);
        if (isWide && index + 1 < slots.Length)
            slots[index + 1] = slots[index];
    }

    private InvalidObjectException Fault(string section, string problem) => new(name, section, problem);
}
