using System.Diagnostics.CodeAnalysis;

namespace Fathom.Serving.Requests;

/// <summary>What came of a submitted request: a running generation or a refusal, never both.</summary>
public readonly struct Submission
{
    private Submission(Generation? generation, Refusal? refusal)
    {
        Generation = generation;
        Refusal = refusal;
    }

    /// <summary>The request was accepted; <see cref="Generation"/> is set, otherwise <see cref="Refusal"/> is.</summary>
    [MemberNotNullWhen(true, nameof(Generation))]
    [MemberNotNullWhen(false, nameof(Refusal))]
    public bool IsAccepted => Generation is not null;

    /// <summary>The accepted request.</summary>
    public Generation? Generation { get; }

    /// <summary>Why it was not accepted.</summary>
    public Refusal? Refusal { get; }

    internal static Submission Accepted(Generation generation) => new(generation, null);

    internal static Submission Refused(RefusalReason reason, string? parameter, string message) => new(null, new Refusal(reason, parameter, message));

    internal static Submission Refused(Refusal refusal) => new(null, refusal);
}
