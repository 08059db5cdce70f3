using System.Collections.Immutable;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Maps;

namespace Fathom.Bpf.Execution;

/// <summary>What a program is bound to when an engine takes it: its maps' memory, the helpers, and where its trace messages go.</summary>
/// <remarks>The binding owns nothing: whoever made the maps disposes them after the last run.</remarks>
public sealed record ProgramBinding
{
    /// <summary>No maps, the standard helpers, nobody who listens.</summary>
    public static ProgramBinding Standard { get; } = new();

    /// <summary>Holds a map for every definition of the program.</summary>
    public MapSet Maps { get; init; } = MapSet.Empty;

    /// <summary>Helpers and kfuncs.</summary>
    public HelperTable Helpers { get; init; } = HelperTable.Standard;

    /// <summary>Takes the messages of bpf_trace_printk, on the thread that runs the program.</summary>
    public Action<string>? Trace { get; init; }

    /// <summary>For each map of the program its index in <see cref="Maps"/>.</summary>
    /// <exception cref="BindingException">A map is missing.</exception>
    internal ImmutableArray<int> MapIndexes(BpfProgram program)
    {
        var indexes = ImmutableArray.CreateBuilder<int>(program.Maps.Length);
        foreach (var definition in program.Maps)
        {
            var index = Maps.IndexOf(definition);
            if (index < 0)
                throw new BindingException(program.Name, $"map {definition.Name} is not among the maps that the program is bound to");
            indexes.Add(index);
        }
        return indexes.MoveToImmutable();
    }
}
