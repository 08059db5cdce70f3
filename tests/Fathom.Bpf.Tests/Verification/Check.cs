using System.Collections.Immutable;
using Fathom.Bpf.Assembly;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Maps;
using Fathom.Bpf.Verification;

namespace Fathom.Bpf.Tests.Verification;

/// <summary>Verdicts on programs given as text; a bar separates instructions.</summary>
internal static class Check
{
    /// <summary>Map 0: array of 48-byte values; 1: hash with 8-byte keys; 2: ring buffer; 3: read-only globals; 4: writable globals.</summary>
    public static readonly ImmutableArray<MapDefinition> Maps =
    [
        new() { Name = "array", Kind = MapKind.Array, KeyBytes = 4, ValueBytes = 48, EntriesMax = 8 },
        new() { Name = "hash", Kind = MapKind.Hash, KeyBytes = 8, ValueBytes = 48, EntriesMax = 8 },
        new() { Name = "ring", Kind = MapKind.RingBuffer, KeyBytes = 0, ValueBytes = 0, EntriesMax = 4096 },
        new() { Name = ".rodata", Kind = MapKind.Array, KeyBytes = 4, ValueBytes = 16, EntriesMax = 1, ReadOnly = true, InitialValue = [8, 0, 0, 0, 200, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8] },
        new() { Name = ".bss", Kind = MapKind.Array, KeyBytes = 4, ValueBytes = 16, EntriesMax = 1 },
    ];

    /// <summary>r0 = value of the array at key 0, or null; clobbers the stack's first word and r1 to r5.</summary>
    public const string Lookup = "*(u32 *)(r10 - 4) = 0|r2 = r10|r2 += -4|r1 = map(0) ll|call 1";

    public static BpfProgram Program(string text) => Assembler.Assemble(text.Replace('|', '\n').Replace("LOOKUP", Lookup.Replace('|', '\n'), StringComparison.Ordinal), "test", Maps);

    public static VerifiedProgram Accepts(ProgramType type, string text, VerifierLimits? limits = null)
    {
        var result = Verifier.Verify(Program(text), type, limits ?? VerifierLimits.Default);
        Assert.True(result is VerifiedProgram, result is Rejection rejection ? $"{rejection}\n{rejection.RegisterState}" : "");
        return (VerifiedProgram)result;
    }

    public static Rejection Refuses(RejectionReason reason, ProgramType type, string text, VerifierLimits? limits = null) => Refuses(reason, Program(text), type, limits);

    public static Rejection Refuses(RejectionReason reason, BpfProgram program, ProgramType type, VerifierLimits? limits = null)
    {
        var result = Verifier.Verify(program, type, limits ?? VerifierLimits.Default);
        var rejection = Assert.IsType<Rejection>(result);
        Assert.True(rejection.Reason == reason, $"expected {reason}, got {rejection.Reason}: {rejection}\n{rejection.RegisterState}");
        Assert.NotEmpty(rejection.Message);
        return rejection;
    }
}
