namespace Fathom.Serving.Scheduling;

/// <summary>Names one sequence of tokens in the engine: a request has one sequence per choice.</summary>
/// <param name="Value">Ordinal of the sequence within its scheduler, from 1.</param>
public readonly record struct SequenceId(long Value);
