using Fathom.Bpf.Instructions;
using Fathom.Bpf.Verification;

namespace Fathom.Bpf.Tests.Verification;

/// <summary>Verdicts on programs given instruction by instruction.</summary>
internal static class Check
{
    public static VerifiedProgram Accepts(ProgramType type, params BpfInstruction[] instructions) => Accepts(new BpfProgram("test", [.. instructions]), type);

    public static VerifiedProgram Accepts(BpfProgram program, ProgramType type, VerifierLimits? limits = null)
    {
        var result = Verifier.Verify(program, type, limits ?? VerifierLimits.Default);
        Assert.True(result is VerifiedProgram, result is Rejection rejection ? $"{rejection}\n{rejection.RegisterState}" : "");
        return (VerifiedProgram)result;
    }

    public static Rejection Refuses(RejectionReason reason, ProgramType type, params BpfInstruction[] instructions) =>
        Refuses(reason, new BpfProgram("test", [.. instructions]), type);

    public static Rejection Refuses(RejectionReason reason, BpfProgram program, ProgramType type, VerifierLimits? limits = null)
    {
        var rejection = Assert.IsType<Rejection>(Verifier.Verify(program, type, limits ?? VerifierLimits.Default));
        Assert.True(rejection.Reason == reason, $"expected {reason}, got {rejection.Reason}: {rejection}\n{rejection.RegisterState}");
        return rejection;
    }
}
