namespace Fathom.Models.Gguf;

/// <summary>A GGUF file that breaks the format: truncated, wrong magic, counts or offsets out of the file, wrong value types.</summary>
public sealed class GgufFormatException : ModelException
{
    /// <inheritdoc cref="ModelException(string, string, string, Exception?)"/>
    public GgufFormatException(string source, string field, string problem, Exception? inner = null)
        : base(source, field, problem, inner)
    {
    }
}
