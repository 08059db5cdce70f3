using System.Collections.Immutable;

namespace Fathom.Bpf.Btf;

/// <summary>The types of an object file or of a kernel.</summary>
/// <remarks>Immutable. Ids are checked, types do not contain themselves by value, and sizes do not overflow.</remarks>
public sealed class BtfTypes
{
    private readonly ImmutableArray<BtfType> _types;
    private readonly long[] _sizes;

    /// <param name="origin">For messages.</param>
    /// <param name="types">Type 0 is void.</param>
    internal BtfTypes(string origin, ImmutableArray<BtfType> types)
    {
        Origin = origin;
        _types = types;
        _sizes = BtfSizes.Compute(origin, types);
    }

    /// <summary>Where they came from.</summary>
    public string Origin { get; }

    /// <summary>Number of types, void included: ids are below.</summary>
    public int Count => _types.Length;

    /// <summary>The type of an id.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such id.</exception>
    public BtfType this[int id]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)id, (uint)_types.Length, nameof(id));
            return _types[id];
        }
    }

    /// <summary>Reads a .BTF section.</summary>
    /// <param name="origin">For messages.</param>
    /// <param name="section">Hostile.</param>
    /// <exception cref="Elf.InvalidObjectException">It is damaged.</exception>
    public static BtfTypes Parse(string origin, ReadOnlySpan<byte> section) => new BtfReader(origin, section).Read();

    /// <summary>Bytes of a value of the type; -1 for what has no size (void, functions).</summary>
    public long SizeOf(int id) => _sizes[id];

    /// <summary>The id without names and qualifiers.</summary>
    public int Resolve(int id)
    {
        // No cycle: checked when read.
        while (_types[id].IsModifier)
            id = _types[id].Target;
        return id;
    }

    /// <summary>The first type of the kind and name; 0 when there is none.</summary>
    public int Find(BtfKind kind, string name)
    {
        for (var id = 1; id < _types.Length; id++)
        {
            if (_types[id].Kind == kind && _types[id].Name == name)
                return id;
        }
        return 0;
    }
}
