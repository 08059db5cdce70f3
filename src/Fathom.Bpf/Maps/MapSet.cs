using System.Collections.Immutable;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Maps;

/// <summary>The maps of one program, in the order of its definitions, or of several programs that share some.</summary>
/// <remarks>Owns its maps. Dispose it when no program runs any more that was bound to it.</remarks>
public sealed class MapSet : IDisposable
{
    private const ulong HandleTag = 0xfa7d_0000_0000_0000;

    private readonly ImmutableArray<BpfMap> _maps;

    private MapSet(ImmutableArray<BpfMap> maps) => _maps = maps;

    /// <summary>No maps.</summary>
    public static MapSet Empty { get; } = new([]);

    /// <summary>The maps, in the order of the definitions that they were made from.</summary>
    public ImmutableArray<BpfMap> Maps => _maps;

    /// <summary>Makes the maps of one program.</summary>
    /// <exception cref="InvalidMapException">One of them cannot be made; none stays.</exception>
    public static MapSet Create(BpfProgram program) => Create(program.Maps);

    /// <summary>Makes a map for each different definition.</summary>
    /// <exception cref="InvalidMapException">One of them cannot be made; none stays.</exception>
    public static MapSet Create(IEnumerable<MapDefinition> definitions)
    {
        var maps = ImmutableArray.CreateBuilder<BpfMap>();
        try
        {
            foreach (var definition in definitions.Distinct<MapDefinition>(ReferenceEqualityComparer.Instance))
                maps.Add(BpfMap.Create(definition));
        }
        catch (InvalidMapException)
        {
            foreach (var map in maps)
                map.Dispose();
            throw;
        }
        return maps.Count == 0 ? Empty : new MapSet(maps.ToImmutable());
    }

    /// <summary>The map with a name; null for none.</summary>
    public BpfMap? Find(string name) => _maps.FirstOrDefault(map => map.Definition.Name == name);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var map in _maps)
            map.Dispose();
    }

    /// <summary>The index of the map that was made from this definition; -1 when it is not here.</summary>
    internal int IndexOf(MapDefinition definition)
    {
        for (var i = 0; i < _maps.Length; i++)
            if (ReferenceEquals(_maps[i].Definition, definition))
                return i;
        return -1;
    }

    /// <summary>What a program holds in a register for a map. No address: a forged one is at worst another map of this set.</summary>
    internal static ulong HandleOf(int index) => HandleTag | (uint)index;

    /// <summary>The map of a handle; null when it is none.</summary>
    internal BpfMap? FromHandle(ulong handle)
    {
        var index = handle ^ HandleTag;
        return index < (ulong)_maps.Length ? _maps[(int)index] : null;
    }
}
