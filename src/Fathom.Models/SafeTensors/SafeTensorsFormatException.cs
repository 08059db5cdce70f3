namespace Fathom.Models.SafeTensors;

/// <summary>A safetensors file or index that breaks the format: lengths, JSON, offsets, overlaps.</summary>
public sealed class SafeTensorsFormatException : ModelException
{
    /// <inheritdoc cref="ModelException(string, string, string, Exception?)"/>
    public SafeTensorsFormatException(string source, string field, string problem, Exception? inner = null)
        : base(source, field, problem, inner)
    {
    }
}
