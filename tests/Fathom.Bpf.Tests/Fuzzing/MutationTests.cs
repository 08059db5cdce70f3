using Fathom.Bpf.Assembly;
using Fathom.Bpf.Elf;
using Fathom.Bpf.Execution;
using Fathom.Bpf.Instructions;
using Fathom.Bpf.Tests.Elf;
using Fathom.Bpf.Verification;

namespace Fathom.Bpf.Tests.Fuzzing;

/// <summary>Damaged objects and damaged programs: never a crash, and what is accepted stays within its memory and gives one result in every engine.</summary>
public class MutationTests
{
    private const int DataBytes = 512;
    private const int ScratchBytes = 64;
    private const int ContextBytes = 224;

    private static readonly string[] Seeds =
    [
        "r6 = r1|w2 = 0|w3 = 512|call fathom_data|if r0 == 0 goto out|r1 = *(u32 *)(r0 + 0)|r1 &= 255|r0 += r1|r0 = *(u64 *)(r0 + 248)|exit|out: r0 = -1|exit",
        "r6 = r1|w2 = 0|w3 = 64|call fathom_scratch|if r0 == 0 goto out|r1 = *(u8 *)(r0 + 0)|if r1 > 48 goto out|r0 += r1|*(u64 *)(r0 + 8) = 7|r0 = r1|exit|out: r0 = -1|exit",
        "r6 = r1|w2 = 0|w3 = 512|call fathom_data|if r0 == 0 goto out|r1 = 0|r2 = 0|again: r3 = r0|r3 += r1|r3 = *(u64 *)(r3 + 0)|r2 += r3|r1 += 8|if r1 != 512 goto again|r0 = r2|exit|out: r0 = -1|exit",
        "r6 = r1|r2 = *(u32 *)(r6 + 208)|r2 &= 7|r3 = r10|r3 += -16|r3 += r2|*(u64 *)(r10 - 16) = 1|*(u64 *)(r10 - 8) = 2|*(u8 *)(r3 + 0) = 9|r0 = *(u64 *)(r10 - 16)|r1 = *(u64 *)(r10 - 8)|r0 ^= r1|exit",
        "r6 = r1|w2 = 8|w3 = 16|call fathom_scratch|if r0 == 0 goto out|r7 = r0|r1 = *(u64 *)(r7 + 0)|*(u64 *)(r10 - 8) = r1|r1 = r10|r1 += -8|call twice|*(u64 *)(r7 + 8) = r0|r0 = *(u64 *)(r10 - 8)|exit|out: r0 = -1|exit|twice: r0 = *(u64 *)(r1 + 0)|r0 += r0|*(u64 *)(r1 + 0) = r0|exit",
        "r6 = r1|w2 = 0|w3 = 64|call fathom_scratch|if r0 == 0 goto out|r2 = *(s32 *)(r0 + 4)|if r2 s< 0 goto out|if r2 s> 56 goto out|r1 = r0|r1 += r2|r3 = 5|lock *(u64 *)(r0 + 8) += r3|r0 = *(u8 *)(r1 + 7)|w0 <<= 3|exit|out: r0 = -1|exit",
        "r6 = r1|w2 = 0|w3 = 512|call fathom_data|r7 = r0|r1 = r6|w2 = 0|w3 = 64|call fathom_scratch|if r0 == 0 goto out|if r7 == 0 goto out|r1 = *(u16 *)(r7 + 0)|w1 %= 32|r2 = r7|r2 += r1|r3 = *(u8 *)(r2 + 480)|r4 = r3|r4 += -3|if r3 > 40 goto out|r0 += r3|*(u8 *)(r0 + 20) = r4|r0 = r4|exit|out: r0 = -1|exit",
        "r0 = *(u64 *)(r1 + 192)|r2 = *(u32 *)(r1 + 200)|r0 s>>= 3|w2 *= 77|r0 /= r2|r3 = r0|r3 <<= 7|r3 = be32 r3|r0 ^= r3|if r0 s> r2 goto big|r0 -= r2|exit|big: w0 = -w0|*(u32 *)(r1 + 216) = 1|exit",
    ];

    [Fact]
    public void Open_TenThousandDamagedObjects_OpensOrRefuses()
    {
        const int Seed = 5;
        var random = new Random(Seed);
        var objects = Directory.GetFiles(TreeFiles.Objects, "*.o").Order().Select(File.ReadAllBytes).ToArray();
        for (var round = 0; round < 10_000; round++)
        {
            var bytes = (byte[])objects[random.Next(objects.Length)].Clone();
            for (var flips = random.Next(1, 9); flips > 0; flips--)
            {
                var at = random.Next(3) == 0 ? random.Next(64) : random.Next(3) == 0 ? bytes.Length - 1 - random.Next(1024) : random.Next(bytes.Length);
                bytes[at] = random.Next(3) switch { 0 => 0xFF, 1 => (byte)(bytes[at] ^ (1 << random.Next(8))), _ => (byte)random.Next(256) };
            }
            try
            {
                BpfObject.Open("damaged.o", bytes.AsMemory(0, random.Next(20) == 0 ? random.Next(bytes.Length) : bytes.Length));
            }
            catch (InvalidObjectException)
            {
                // The expected answer to damage; anything else fails the test.
            }
        }
    }

    [Fact]
    public void Verify_TwentyThousandDamagedPrograms_AcceptedOnesStayWithinTheirMemory()
    {
        const int Seed = 7;
        var random = new Random(Seed);
        var seeds = Seeds.Select(text => Assembler.Assemble(text.Replace('|', '\n'))).ToArray();
        using var memory = new Memories();
        var accepted = 0;
        foreach (var seed in seeds)
            accepted += TryRun(seed, memory, random, "seed") ? 1 : 0;
        Assert.Equal(seeds.Length, accepted);
        var limits = VerifierLimits.Default with { InstructionsMax = 20_000 };
        for (var round = 0; round < 20_000; round++)
        {
            var program = Damage(seeds[random.Next(seeds.Length)], random);
            accepted += TryRun(program, memory, random, $"seed {Seed} round {round}", limits) ? 1 : 0;
        }
        Assert.InRange(accepted, 1000, 20_000);
    }

    private static BpfProgram Damage(BpfProgram program, Random random)
    {
        var slots = program.Instructions.ToBuilder();
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            var at = random.Next(slots.Count);
            var slot = slots[at];
            slots[at] = random.Next(7) switch
            {
                0 => new BpfInstruction(slot.Opcode, random.Next(11), slot.Source, slot.Offset, slot.Immediate),
                1 => new BpfInstruction(slot.Opcode, slot.Destination, slot.Source, (short)(slot.Offset + random.Next(-9, 10)), slot.Immediate),
                2 => new BpfInstruction(slot.Opcode, slot.Destination, slot.Source, slot.Offset, slot.Immediate + random.Next(-70, 70)),
                3 => new BpfInstruction((byte)(slot.Opcode ^ (1 << random.Next(8))), slot.Destination, slot.Source, slot.Offset, slot.Immediate),
                4 => new BpfInstruction(slot.Opcode, slot.Destination, random.Next(11), slot.Offset, slot.Immediate),
                5 => slots[random.Next(slots.Count)],
                _ => RandomAlu(random),
            };
        }
        return new BpfProgram(program.Name, slots.ToImmutable(), [], program.Kfuncs);
    }

    private static BpfInstruction RandomAlu(Random random)
    {
        var operation = (AluOperation)(random.Next(13) << 4);
        return random.Next(2) == 0
            ? Encode.Alu(operation, random.Next(10), random.Next(-3, 64), random.Next(2) == 0)
            : Encode.AluRegister(operation, random.Next(10), random.Next(10), random.Next(2) == 0);
    }

    private static bool TryRun(BpfProgram program, Memories memory, Random random, string what, VerifierLimits? limits = null)
    {
        if (Verifier.Verify(program, ProgramType.StorageFunction, limits ?? VerifierLimits.Default) is not VerifiedProgram verified)
            return false;
        memory.Fill(random);
        var fuel = new ExecutionLimits(verified.Effort.InstructionsProcessed, ExecutionLimits.FramesMax);
        // The checked run finds what a guard page cannot: a wrong address that happens to be mapped, and a run longer than was proved.
        var expected = memory.Run(view => Interpreter.CreateChecked(program, ProgramBinding.Standard).Run(view, fuel), out var checkedBytes);
        Assert.True(expected.IsReturn, $"{what}: {expected}\n{Disassembler.Disassemble(program)}");
        var interpreted = memory.Run(view => Interpreter.Create(verified, ProgramBinding.Standard).Run(view, ExecutionLimits.Default), out var interpretedBytes);
        var compiled = memory.Run(view => CompiledProgram.Compile(verified, ProgramBinding.Standard).Run(view, ExecutionLimits.Default), out var compiledBytes);
        Assert.True(expected == interpreted && expected == compiled, $"{what}: checked {expected}, interpreter {interpreted}, compiled {compiled}\n{Disassembler.Disassemble(program)}");
        Assert.True(checkedBytes.AsSpan().SequenceEqual(interpretedBytes) && checkedBytes.AsSpan().SequenceEqual(compiledBytes), $"{what}: memory differs");
        return true;
    }

    private delegate RunOutcome Engine(ProgramMemory memory);

    private sealed class Memories : IDisposable
    {
        private readonly GuardedMemory[] _parts = [.. new[] { ContextBytes, DataBytes, ScratchBytes }.SelectMany(bytes => new[] { new GuardedMemory(bytes, atEnd: true), new GuardedMemory(bytes, atEnd: false) })];
        private readonly byte[][] _content = [new byte[ContextBytes], new byte[DataBytes], new byte[ScratchBytes]];
        private bool _atStart;

        public void Fill(Random random)
        {
            _atStart = !_atStart;
            foreach (var content in _content)
            {
                random.NextBytes(content);
                if (random.Next(3) == 0)
                    Array.Fill(content, (byte)random.Next(2) == 0 ? (byte)0xFF : (byte)0);
            }
        }

        /// <summary>Runs on fresh copies; the memory afterwards.</summary>
        public RunOutcome Run(Engine engine, out byte[] after)
        {
            for (var i = 0; i < 3; i++)
                _content[i].CopyTo(Part(i).Span);
            var outcome = engine(new ProgramMemory(Part(0).View, Part(1).View, Part(2).View));
            after = [.. Part(0).Span, .. Part(1).Span, .. Part(2).Span];
            return outcome;
        }

        private GuardedMemory Part(int index) => _parts[(index * 2) + (_atStart ? 1 : 0)];

        public void Dispose()
        {
            foreach (var part in _parts)
                part.Dispose();
        }
    }
}
