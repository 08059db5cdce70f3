namespace Fathom.Cli.Commands.Model;

/// <summary>One tensor: dimensions with the contiguous one first for GGUF, last for safetensors, as the file has them.</summary>
internal sealed record TensorReport(string Name, string Type, IReadOnlyList<long> Shape, long Offset, long Bytes);

/// <summary>The JSON of `fathom model inspect`.</summary>
internal sealed record InspectReport
{
    public required string Path { get; init; }

    public required string Format { get; init; }

    public required string? Architecture { get; init; }

    public required string? Name { get; init; }

    public required long Bytes { get; init; }

    public long Parameters => Tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, length) => product * length));

    /// <summary>How many tensors there are of each type.</summary>
    public IReadOnlyDictionary<string, int> TensorTypes =>
        Tensors.GroupBy(tensor => tensor.Type).ToDictionary(group => group.Key, group => group.Count());

    public required IReadOnlyDictionary<string, object?> Metadata { get; init; }

    public required IReadOnlyList<TensorReport> Tensors { get; init; }
}
