using Fathom.Bpf.Instructions;
using Fathom.Bpf.Verification;
using static Fathom.Bpf.Instructions.Encode;

namespace Fathom.Bpf.Tests.Verification;

public class VerifierTests
{
    [Fact]
    public void Verify_ReturnsConstant_Accepts() => Check.Accepts(ProgramType.Raw(0), Move(0, 7), Exit());

    [Fact]
    public void Verify_EndlessLoop_RefusesAsInfiniteLoop() =>
        Check.Refuses(RejectionReason.InfiniteLoop, ProgramType.Raw(0), Move(0, 0), Jump(-1));

    [Fact]
    public void Verify_BoundedLoop_Accepts() => Check.Accepts(
        ProgramType.Raw(0), Move(0, 0), Move(1, 0), Alu(AluOperation.Add, 1, 1), AluRegister(AluOperation.Add, 0, 1),
        Compare(JumpOperation.Less, 1, 1000, -3), Exit());

    [Fact]
    public void Verify_MaskedIndexIntoMemory_Accepts() => Check.Accepts(
        ProgramType.Raw(64), Load(AccessSize.Byte, 2, 1, 0), Alu(AluOperation.And, 2, 63), AluRegister(AluOperation.Add, 1, 2),
        Load(AccessSize.Byte, 0, 1, 0), Exit());

    [Fact]
    public void Verify_UnmaskedIndexIntoMemory_Refuses() => Check.Refuses(
        RejectionReason.OutOfBounds,
        ProgramType.Raw(64), Load(AccessSize.Byte, 2, 1, 0), AluRegister(AluOperation.Add, 1, 2), Load(AccessSize.Byte, 0, 1, 0), Exit());
}
