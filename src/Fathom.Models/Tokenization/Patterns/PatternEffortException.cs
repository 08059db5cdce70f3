namespace Fathom.Models.Tokenization.Patterns;

/// <summary>Matching took more steps than any honest pattern needs. Tokenizers turn it into their own error, which names the pattern.</summary>
internal sealed class PatternEffortException() : Exception("pattern backtracks without end on this text");
