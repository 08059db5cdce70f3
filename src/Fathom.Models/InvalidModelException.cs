namespace Fathom.Models;

/// <summary>The container is well formed, but what it holds is not a model: a missing or misshapen tensor, a hyperparameter out of range.</summary>
public sealed class InvalidModelException : ModelException
{
    /// <inheritdoc cref="ModelException(string, string, string, Exception?)"/>
    public InvalidModelException(string source, string field, string problem, Exception? inner = null)
        : base(source, field, problem, inner)
    {
    }
}
