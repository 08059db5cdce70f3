namespace Fathom.Models;

/// <summary>The model is valid as far as known, but names an architecture, tensor type or feature that is not implemented here.</summary>
public sealed class UnsupportedModelException : ModelException
{
    /// <inheritdoc cref="ModelException(string, string, string, Exception?)"/>
    public UnsupportedModelException(string source, string field, string problem, Exception? inner = null)
        : base(source, field, problem, inner)
    {
    }
}
