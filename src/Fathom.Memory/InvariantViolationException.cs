namespace Fathom.Memory;

/// <summary>A bug in Fathom was detected. The loop that meets it fails its work and stops.</summary>
public sealed class InvariantViolationException : Exception
{
    internal InvariantViolationException(string violated, Exception? cause)
        : base($"Invariant violated: {violated}", cause) => Violated = violated;

    /// <summary>The condition that did not hold, as source text or in words.</summary>
    public string Violated { get; }
}
