using System.Collections.Immutable;

namespace Fathom.Bpf.Execution;

/// <summary>The helpers by number and kfuncs by name that an engine has. What a program may call of them is its type's to say.</summary>
/// <remarks>Immutable.</remarks>
public sealed class HelperTable
{
    private readonly ImmutableDictionary<int, HelperFunction> _helpers;
    private readonly ImmutableDictionary<string, HelperFunction> _kfuncs;

    private HelperTable(ImmutableDictionary<int, HelperFunction> helpers, ImmutableDictionary<string, HelperFunction> kfuncs)
    {
        _helpers = helpers;
        _kfuncs = kfuncs;
    }

    /// <summary>The helpers that storage functions may use, with the kernel's numbers, and the kfuncs <c>fathom_data</c> and <c>fathom_scratch</c>.</summary>
    public static HelperTable Standard { get; } = new(
        new Dictionary<int, HelperFunction>
        {
            [1] = StandardFunctions.MapLookup,
            [2] = StandardFunctions.MapUpdate,
            [3] = StandardFunctions.MapDelete,
            [5] = StandardFunctions.TimeNs,
            [6] = StandardFunctions.Trace,
            [7] = StandardFunctions.Random,
            [8] = StandardFunctions.ProcessorId,
            [130] = StandardFunctions.RingBufferOutput,
            [131] = StandardFunctions.RingBufferReserve,
            [132] = StandardFunctions.RingBufferSubmit,
            [133] = StandardFunctions.RingBufferDiscard,
            [134] = StandardFunctions.RingBufferQuery,
        }.ToImmutableDictionary(),
        new Dictionary<string, HelperFunction>
        {
            [StandardFunctions.DataKfunc] = StandardFunctions.Data,
            [StandardFunctions.ScratchKfunc] = StandardFunctions.Scratch,
        }.ToImmutableDictionary());

    /// <summary>This table with a helper more, or another behind its number.</summary>
    public HelperTable WithHelper(int number, HelperFunction function) => new(_helpers.SetItem(number, function), _kfuncs);

    /// <summary>This table with a kfunc more, or another behind its name.</summary>
    public HelperTable WithKfunc(string name, HelperFunction function) => new(_helpers, _kfuncs.SetItem(name, function));

    /// <summary>The helper with a number; null for none.</summary>
    public HelperFunction? Helper(int number) => _helpers.GetValueOrDefault(number);

    /// <summary>The kfunc with a name; null for none.</summary>
    public HelperFunction? Kfunc(string name) => _kfuncs.GetValueOrDefault(name);
}
