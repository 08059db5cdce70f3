namespace Fathom.Models.HuggingFace;

/// <summary>A JSON file of a Hugging Face folder that is malformed or has values of the wrong type or range.</summary>
public sealed class HuggingFaceFormatException : ModelException
{
    /// <inheritdoc cref="ModelException(string, string, string, Exception?)"/>
    public HuggingFaceFormatException(string source, string field, string problem, Exception? inner = null)
        : base(source, field, problem, inner)
    {
    }
}
