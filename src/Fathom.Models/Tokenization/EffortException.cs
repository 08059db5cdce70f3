namespace Fathom.Models.Tokenization;

/// <summary>A tokenizer asks for more steps or memory than any honest one needs. Whoever drives it turns this into an error that names the file.</summary>
internal sealed class EffortException(string problem) : Exception(problem);
