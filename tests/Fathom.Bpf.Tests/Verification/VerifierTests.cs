using Fathom.Bpf.Instructions;
using Fathom.Bpf.Verification;

namespace Fathom.Bpf.Tests.Verification;

/// <summary>What a storage function must not get past the verifier, each with the error it gets.</summary>
public class VerifierTests
{
    private const string Data512 = "r6 = r1|w2 = 0|w3 = 512|call fathom_data|if r0 == 0 goto exit";
    private const string Scratch64 = "r6 = r1|w2 = 0|w3 = 64|call fathom_scratch|if r0 == 0 goto exit";

    private static readonly ProgramType Storage = ProgramType.StorageFunction;

    [Fact]
    public void Verify_ReadOfLastByteOfBlock_Accepts() => Check.Accepts(Storage, $"{Data512}|r0 = *(u8 *)(r0 + 511)|exit");

    [Fact]
    public void Verify_ReadAt512OfA512ByteBlock_RefusesAsOutOfBounds()
    {
        var rejection = Check.Refuses(RejectionReason.OutOfBounds, Storage, $"{Data512}|r0 = *(u8 *)(r0 + 512)|exit");
        Assert.Equal(5, rejection.InstructionIndex);
        Assert.Contains("mem_size=512 off=512 size=1", rejection.Message, StringComparison.Ordinal);
        Assert.Contains("R0=rdonly_mem(size=512)", rejection.RegisterState, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_WordAcrossTheEndOfBlock_RefusesAsOutOfBounds() => Check.Refuses(RejectionReason.OutOfBounds, Storage, $"{Data512}|r0 = *(u64 *)(r0 + 505)|exit");

    [Fact]
    public void Verify_WriteToBlock_RefusesAsReadOnly() => Check.Refuses(RejectionReason.ReadOnlyMemory, Storage, $"{Data512}|*(u8 *)(r0 + 0) = 1|r0 = 0|exit");

    [Fact]
    public void Verify_WriteToScratch_Accepts() => Check.Accepts(Storage, $"{Scratch64}|*(u64 *)(r0 + 56) = 1|r0 = 0|exit");

    [Fact]
    public void Verify_ScratchOutOfBounds_RefusesAsOutOfBounds() => Check.Refuses(RejectionReason.OutOfBounds, Storage, $"{Scratch64}|*(u64 *)(r0 + 57) = 1|r0 = 0|exit");

    [Fact]
    public void Verify_ScratchAtNegativeOffset_RefusesAsOutOfBounds() => Check.Refuses(RejectionReason.OutOfBounds, Storage, $"{Scratch64}|*(u64 *)(r0 - 8) = 1|r0 = 0|exit");

    [Fact]
    public void Verify_UnboundedVariableOffset_RefusesAsOutOfBounds() =>
        Check.Refuses(RejectionReason.OutOfBounds, Storage, $"{Scratch64}|r2 = *(u32 *)(r0 + 0)|r0 += r2|r0 = *(u8 *)(r0 + 0)|exit");

    [Fact]
    public void Verify_VariableOffsetThatMayBeNegative_RefusesAsOutOfBounds() =>
        Check.Refuses(RejectionReason.OutOfBounds, Storage, $"{Scratch64}|r2 = *(s8 *)(r0 + 0)|r0 += r2|r0 = *(u8 *)(r0 + 0)|exit");

    [Fact]
    public void Verify_ResultNotComparedWithNull_Refuses() =>
        Check.Refuses(RejectionReason.InvalidMemoryAccess, Storage, "w2 = 0|w3 = 512|call fathom_data|r0 = *(u8 *)(r0 + 0)|exit");

    [Fact]
    public void Verify_VariableSizeOfResult_Refuses() =>
        Check.Refuses(RejectionReason.InvalidArgument, Storage, "r3 = *(u32 *)(r1 + 200)|w2 = 0|call fathom_data|r0 = 0|exit");

    [Fact]
    public void Verify_UninitialisedRegister_Refuses() => Check.Refuses(RejectionReason.UninitialisedRegister, Storage, "r0 = r2|exit");

    [Fact]
    public void Verify_UninitialisedStack_Refuses() => Check.Refuses(RejectionReason.UninitialisedStack, Storage, "r0 = *(u64 *)(r10 - 8)|exit");

    [Fact]
    public void Verify_HalfInitialisedStack_Refuses() => Check.Refuses(RejectionReason.UninitialisedStack, Storage, "*(u32 *)(r10 - 8) = 0|r0 = *(u64 *)(r10 - 8)|exit");

    [Fact]
    public void Verify_NothingReturned_Refuses() => Check.Refuses(RejectionReason.UninitialisedRegister, Storage, "exit");

    [Fact]
    public void Verify_EndlessLoop_RefusesAsInfiniteLoop() => Check.Refuses(RejectionReason.InfiniteLoop, Storage, "r0 = 0|again: goto again");

    [Fact]
    public void Verify_LoopUntilMemoryChanges_RefusesAsInfiniteLoop() =>
        Check.Refuses(RejectionReason.InfiniteLoop, Storage, $"{Scratch64}|r7 = r0|again: r2 = *(u64 *)(r7 + 0)|if r2 != 0 goto again|r0 = 0|exit");

    [Fact]
    public void Verify_CountOfUnknownLength_RefusesAsTooComplex() =>
        Check.Refuses(RejectionReason.TooComplex, Storage, "r2 = *(u64 *)(r1 + 192)|r0 = 0|again: r0 += 1|if r0 < r2 goto again|r0 = 0|exit");

    [Fact]
    public void Verify_SeventeenthNextRead_RefusesAsContextAccess() =>
        Check.Refuses(RejectionReason.ReadOnlyMemory, Storage, "r2 = r1|r2 += 64|*(u64 *)(r2 + 128) = 1|r0 = 0|exit");

    [Fact]
    public void Verify_NextReadByVariableIndex_RefusesAsContextAccess() =>
        Check.Refuses(RejectionReason.InvalidContextAccess, Storage, "r2 = *(u32 *)(r1 + 208)|r2 &= 15|r2 <<= 3|r1 += r2|*(u64 *)(r1 + 0) = 1|r0 = 0|exit");

    [Theory]
    [InlineData(192, "u64")]
    [InlineData(200, "u32")]
    [InlineData(204, "u32")]
    [InlineData(208, "u32")]
    [InlineData(212, "u32")]
    public void Verify_WriteToReadOnlyField_Refuses(int offset, string size) =>
        Check.Refuses(RejectionReason.ReadOnlyMemory, Storage, $"*({size} *)(r1 + {offset}) = 1|r0 = 0|exit");

    [Fact]
    public void Verify_WriteToDoneAndNextReads_Accepts() =>
        Check.Accepts(Storage, "*(u64 *)(r1 + 120) = 512|*(u32 *)(r1 + 188) = 512|*(u32 *)(r1 + 216) = 1|r0 = 0|exit");

    [Theory]
    [InlineData(220)]
    [InlineData(224)]
    [InlineData(-8)]
    public void Verify_OutsideOfTheContextsFields_Refuses(int offset) =>
        Check.Refuses(RejectionReason.InvalidContextAccess, Storage, $"r0 = *(u32 *)(r1 {(offset < 0 ? "-" : "+")} {Math.Abs(offset)})|exit");

    [Fact]
    public void Verify_UnknownHelper_Refuses() => Check.Refuses(RejectionReason.UnknownFunction, Storage, "call 9999|exit");

    [Fact]
    public void Verify_UnknownKfunc_Refuses() => Check.Refuses(RejectionReason.UnknownFunction, Storage, "call fathom_nothing|exit");

    [Fact]
    public void Verify_PointerToScratch_RefusesAsLeak() => Check.Refuses(RejectionReason.PointerLeak, Storage, $"{Scratch64}|*(u64 *)(r0 + 0) = r10|r0 = 0|exit");

    [Fact]
    public void Verify_PointerToNextOffset_RefusesAsLeak() => Check.Refuses(RejectionReason.PointerLeak, Storage, "*(u64 *)(r1 + 0) = r10|r0 = 0|exit");

    [Fact]
    public void Verify_PointerReturned_RefusesAsLeak() => Check.Refuses(RejectionReason.PointerLeak, Storage, "r0 = r10|exit");

    [Fact]
    public void Verify_PartOfASpilledPointer_RefusesAsLeak() => Check.Refuses(RejectionReason.PointerLeak, Storage, "*(u64 *)(r10 - 8) = r1|r0 = *(u32 *)(r10 - 8)|exit");

    [Fact]
    public void Verify_PointerByAtomicExchange_RefusesAsLeak() => Check.Refuses(RejectionReason.PointerLeak, Storage, $"{Scratch64}|r2 = r10|r2 = xchg_64(r0 + 0, r2)|r0 = 0|exit");

    [Fact]
    public void Verify_Recursion_Refuses() => Check.Refuses(RejectionReason.Recursion, Storage, "call f|exit|f: call f|exit");

    [Fact]
    public void Verify_MutualRecursion_Refuses() => Check.Refuses(RejectionReason.Recursion, Storage, "call f|exit|f: call g|exit|g: call f|exit");

    [Fact]
    public void Verify_UnreachableInstruction_Refuses()
    {
        var rejection = Check.Refuses(RejectionReason.UnreachableInstruction, Storage, "r0 = 0|exit|r0 = 1|exit");
        Assert.Equal(2, rejection.InstructionIndex);
    }

    [Theory]
    [InlineData("r0 = 0")]
    [InlineData("call f|exit|f: r0 = 0")]
    [InlineData(".slot 0x00000000000000ff|exit")]
    [InlineData(".slot 0x0000000100000018")]
    [InlineData("r0 = 0|if r0 == 1 goto +1|r1 = 1 ll|exit")]
    [InlineData("r0 = 0|goto +5|exit")]
    [InlineData("r0 = 0|goto -5|exit")]
    [InlineData("r10 = 0|r0 = 0|exit")]
    [InlineData(".slot 0x0000000100000bb7|exit")]
    public void Verify_WhatIsNoProgram_RefusesAsInvalidInstruction(string text) => Check.Refuses(RejectionReason.InvalidInstruction, Storage, text);

    /// <summary>Every instruction class that names a register to write.</summary>
    [Theory]
    [InlineData("0x0000000800000a07")] // r10 += 8
    [InlineData("0x0000000000001abc")] // w10 = w1
    [InlineData("0x0000000000000a87")] // r10 = -r10
    [InlineData("0x0000001000000ad7")] // r10 = bswap16 r10
    [InlineData("0x0000000000001a79")] // r10 = *(u64 *)(r1 + 0)
    [InlineData("0x0000000000001a91")] // r10 = *(s8 *)(r1 + 0)
    [InlineData("0x0000000000000a18|.slot 0x0000000000000000")] // r10 = 0 ll
    [InlineData("0x0000010000001adb")] // r10 = load_acquire((u64 *)(r1 + 0))
    [InlineData("0x000000010000a1db")] // r10 = atomic_fetch_add((u64 *)(r1 + 0), r10)
    [InlineData("0x000000e10000a1db")] // r10 = xchg_64(r1 + 0, r10)
    public void Verify_WriteToTheFramePointer_RefusesAsInvalidInstruction(string slots)
    {
        var rejection = Check.Refuses(RejectionReason.InvalidInstruction, Storage, $"r0 = 0|.slot {slots}|exit");
        Assert.Equal(1, rejection.InstructionIndex);
        Assert.Contains("r10 is read-only", rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_IndexFromReadOnlyGlobals_IsKnown()
    {
        // .rodata begins with 8 and 200: the block's byte 8 is there, byte 200 of 64 is not.
        const string Start = "r6 = r1|w2 = 0|w3 = 64|call fathom_data|if r0 == 0 goto exit|r1 = map_value(3, 0) ll";
        Check.Accepts(Storage, $"{Start}|r2 = *(u32 *)(r1 + 0)|r0 += r2|r0 = *(u8 *)(r0 + 0)|exit");
        Check.Refuses(RejectionReason.OutOfBounds, Storage, $"{Start}|r2 = *(u32 *)(r1 + 4)|r0 += r2|r0 = *(u8 *)(r0 + 0)|exit");
    }

    [Fact]
    public void Verify_IndexFromWritableGlobals_IsUnknown() => Check.Refuses(
        RejectionReason.OutOfBounds, Storage,
        "r6 = r1|w2 = 0|w3 = 64|call fathom_data|if r0 == 0 goto exit|r1 = map_value(4, 0) ll|r2 = *(u32 *)(r1 + 0)|r0 += r2|r0 = *(u8 *)(r0 + 0)|exit");

    [Fact]
    public void Verify_SpilledIndex_StaysBoundedAcrossPathsThatMeet() => Check.Accepts(
        Storage, $"r9 = *(u32 *)(r1 + 208)|{Data512}|r9 &= 63|*(u64 *)(r10 - 8) = r9|if r9 == 3 goto +1|*(u64 *)(r10 - 16) = r9|r2 = *(u64 *)(r10 - 8)|r0 += r2|r0 = *(u8 *)(r0 + 448)|exit");

    [Fact]
    public void Verify_SpilledIndexThatOnePathChanges_IsRefusedThere()
    {
        var rejection = Check.Refuses(RejectionReason.OutOfBounds, Storage,
            $"r9 = *(u32 *)(r1 + 208)|{Data512}|r9 &= 63|*(u64 *)(r10 - 8) = r9|r3 = *(u32 *)(r6 + 204)|if r3 == 3 goto +1|goto +2|r9 += 64|*(u64 *)(r10 - 8) = r9|r2 = *(u64 *)(r10 - 8)|r0 += r2|r0 = *(u8 *)(r0 + 448)|exit");
        Assert.Contains("mem_size=512", rejection.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Verify_JumpIntoWideImmediate_RefusesAsInvalidInstruction()
    {
        var (low, high) = Encode.LoadWide(1, 7);
        var program = new BpfProgram("test", [Encode.Move(0, 0), Encode.Compare(JumpOperation.Equal, 0, 0, 1), low, high, Encode.Exit()]);
        Check.Refuses(RejectionReason.InvalidInstruction, program, Storage);
    }

    [Fact]
    public void Verify_AMillionInstructions_RefusesAsTooComplex()
    {
        var instructions = Enumerable.Repeat(Encode.Move(0, 0), 1_000_000).Append(Encode.Exit());
        Check.Refuses(RejectionReason.TooComplex, new BpfProgram("test", [.. instructions]), Storage);
    }

    [Fact]
    public void Verify_ThousandsOfForks_EndsWithinItsLimit()
    {
        // Every bit of the number forks and shifts into the next state: no two paths meet.
        var lines = string.Concat(Enumerable.Range(0, 40).Select(i => $"r3 = r2|r3 >>= {i}|r3 &= 1|if r3 == 0 goto +1|r0 += {1 << (i % 20)}|"));
        var text = $"r2 = *(u64 *)(r1 + 192)|r0 = 0|{lines}if r0 == 7 goto exit|r4 = r10|r0 &= 7|r4 += r0|*(u8 *)(r4 - 16) = 0|r0 = 0|exit";
        var result = Verifier.Verify(Check.Program(text), Storage, VerifierLimits.Default with { InstructionsMax = 100_000 });
        Assert.True(result.Effort.InstructionsProcessed <= 100_001);
    }

    [Fact]
    public void Verify_DeepCalls_RefusesAsTooManyFrames()
    {
        var functions = string.Concat(Enumerable.Range(0, 8).Select(i => $"f{i}: call f{i + 1}|exit|"));
        Check.Refuses(RejectionReason.TooManyFrames, Storage, $"call f0|exit|{functions}f8: r0 = 0|exit");
    }

    [Fact]
    public void Verify_LargeStackOfACallChain_Refuses() => Check.Refuses(
        RejectionReason.StackTooLarge, Storage, "*(u64 *)(r10 - 320) = 0|call f|exit|f: *(u64 *)(r10 - 200) = 0|r0 = 0|exit");

    [Fact]
    public void Verify_StackBelowItsEnd_RefusesAsOutOfBounds() => Check.Refuses(RejectionReason.OutOfBounds, Storage, "*(u64 *)(r10 - 520) = 0|r0 = 0|exit");

    [Fact]
    public void Verify_StackAboveItsEnd_RefusesAsOutOfBounds() => Check.Refuses(RejectionReason.OutOfBounds, Storage, "*(u64 *)(r10 + 0) = 0|r0 = 0|exit");

    [Fact]
    public void Verify_CallThroughRegister_Refuses() => Check.Refuses(RejectionReason.UnknownFunction, Storage, "r2 = 1|.slot 0x000000000000028d|r0 = 0|exit");
}
