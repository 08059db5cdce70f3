namespace Fathom.Models.Tokenization.Patterns;

/// <summary>A pattern that is malformed, too large, or uses what is not supported here. Readers of tokenizers turn it into their own error.</summary>
internal sealed class PatternSyntaxException(string problem) : Exception(problem);
