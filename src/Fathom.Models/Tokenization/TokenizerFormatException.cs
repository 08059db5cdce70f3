namespace Fathom.Models.Tokenization;

/// <summary>A vocabulary or tokenizer.json that cannot be a tokenizer: a missing or mistyped field, an id out of range, a part that is not known here.</summary>
public sealed class TokenizerFormatException : ModelException
{
    /// <inheritdoc cref="ModelException(string, string, string, Exception?)"/>
    public TokenizerFormatException(string source, string field, string problem, Exception? inner = null)
        : base(source, field, problem, inner)
    {
    }
}
