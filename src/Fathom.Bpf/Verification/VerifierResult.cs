namespace Fathom.Bpf.Verification;

/// <summary>The outcome of a verification: a <see cref="VerifiedProgram"/> or a <see cref="Rejection"/>.</summary>
public abstract class VerifierResult
{
    private protected VerifierResult(VerifierEffort effort)
    {
        Effort = effort;
    }

    /// <summary>What the verification took.</summary>
    public VerifierEffort Effort { get; }
}

/// <summary>What a verification took.</summary>
/// <param name="InstructionsProcessed">Instructions walked through over all paths.</param>
/// <param name="PathsPruned">Paths cut short because an explored state covers them.</param>
/// <param name="StatesKept">States kept for comparison.</param>
public readonly record struct VerifierEffort(int InstructionsProcessed, int PathsPruned, int StatesKept);
