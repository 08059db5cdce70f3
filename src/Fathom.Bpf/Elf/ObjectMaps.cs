using System.Collections.Immutable;
using Fathom.Bpf.Btf;
using Fathom.Bpf.Maps;

namespace Fathom.Bpf.Elf;

/// <summary>The maps that an object declares, and its globals as maps; finds the one that a symbol means.</summary>
internal sealed class ObjectMaps
{
    private readonly Dictionary<(int Section, long Offset), int> _declared = [];
    private readonly Dictionary<int, int> _globals = [];
    private readonly List<MapDefinition> _maps = [];

    public ImmutableArray<MapDefinition> Maps { get; private set; } = [];

    /// <summary>Index of the map declared at an offset of a section of maps.</summary>
    public bool TryDeclared(int section, long offset, out int map) => _declared.TryGetValue((section, offset), out map);

    /// <summary>Index of the map that stands for a section of globals.</summary>
    public bool TryGlobals(int section, out int map) => _globals.TryGetValue(section, out map);

    public static ObjectMaps Read(string name, ElfFile file, BtfTypes? types)
    {
        var result = new ObjectMaps();
        if (file.Find(".maps") is { SizeBytes: > 0 } declared)
            result.ReadDeclared(name, file, declared, types ?? throw new InvalidObjectException(name, ".maps", "maps are declared with types, but there is no section .BTF"));
        foreach (var section in file.Sections)
        {
            if (section.SizeBytes > 0 && IsGlobals(section.Name))
                result.AddGlobals(section);
        }
        result.Maps = [.. result._maps];
        return result;
    }

    private static bool IsGlobals(string section) => Is(section, ".rodata") || Is(section, ".data") || Is(section, ".bss");

    private static bool Is(string section, string name) => section == name || section.StartsWith(name + ".", StringComparison.Ordinal);

    private void AddGlobals(ElfSection section)
    {
        _globals[section.Index] = _maps.Count;
        _maps.Add(new MapDefinition
        {
            Name = section.Name,
            Kind = MapKind.Array,
            KeyBytes = 4,
            ValueBytes = (int)section.SizeBytes,
            EntriesMax = 1,
            ReadOnly = Is(section.Name, ".rodata"),
            InitialValue = section.Content.IsEmpty ? [] : [.. section.Content.Span],
        });
    }

    private void ReadDeclared(string name, ElfFile file, ElfSection section, BtfTypes types)
    {
        foreach (var symbol in file.Symbols)
        {
            if (symbol.Section != section.Index || symbol.Type != ElfSymbol.Object)
                continue;
            var variable = types.Find(BtfKind.Variable, symbol.Name);
            if (variable == 0)
                throw new InvalidObjectException(name, ".maps", $"map {symbol.Name} has no type");
            var shape = types[types.Resolve(types[variable].Target)];
            if (shape.Kind != BtfKind.Struct)
                throw new InvalidObjectException(name, ".maps", $"map {symbol.Name} is a {shape.Kind}, no structure");
            if (!_declared.TryAdd((section.Index, (long)symbol.Value), _maps.Count))
                throw new InvalidObjectException(name, ".maps", $"map {symbol.Name} stands where another one does");
            _maps.Add(Define(name, symbol.Name, shape, types));
        }
    }

    private static MapDefinition Define(string name, string map, BtfType shape, BtfTypes types)
    {
        long kind = 0, key = 0, value = 0, entries = 0, flags = 0;
        foreach (var member in shape.Members)
        {
            switch (member.Name)
            {
                case "type":
                    kind = Number(name, map, member, types);
                    break;
                case "key_size":
                    key = Number(name, map, member, types);
                    break;
                case "value_size":
                    value = Number(name, map, member, types);
                    break;
                case "key":
                    key = SizeOfPointee(name, map, member, types);
                    break;
                case "value":
                    value = SizeOfPointee(name, map, member, types);
                    break;
                case "max_entries":
                    entries = Number(name, map, member, types);
                    break;
                case "map_flags":
                    flags = Number(name, map, member, types);
                    break;
                case "pinning" or "numa_node" or "map_extra":
                    // They say where a kernel keeps the map.
                    break;
                default:
                    throw new InvalidObjectException(name, ".maps", $"map {map}: attribute {member.Name} is not known");
            }
        }
        if (!Enum.IsDefined((MapKind)kind))
            throw new InvalidObjectException(name, ".maps", $"map {map}: kind {kind} is not supported");
        const long ReadOnlyForPrograms = 1 << 7;
        return new MapDefinition
        {
            Name = map,
            Kind = (MapKind)kind,
            KeyBytes = (int)key,
            ValueBytes = (int)value,
            EntriesMax = (int)entries,
            ReadOnly = (flags & ReadOnlyForPrograms) != 0,
        };
    }

    /// <summary>Numbers are written as the length of an array that a member points to.</summary>
    private static long Number(string name, string map, BtfMember member, BtfTypes types)
    {
        var pointer = types[types.Resolve(member.Type)];
        var array = types[types.Resolve(pointer.Target)];
        return pointer.Kind == BtfKind.Pointer && array.Kind == BtfKind.Array
            ? array.Elements
            : throw new InvalidObjectException(name, ".maps", $"map {map}: attribute {member.Name} is no number");
    }

    private static long SizeOfPointee(string name, string map, BtfMember member, BtfTypes types)
    {
        var pointer = types[types.Resolve(member.Type)];
        var size = pointer.Kind == BtfKind.Pointer ? types.SizeOf(pointer.Target) : -1;
        return size is >= 0 and <= int.MaxValue ? size : throw new InvalidObjectException(name, ".maps", $"map {map}: attribute {member.Name} is no pointer to a type with a size");
    }
}
