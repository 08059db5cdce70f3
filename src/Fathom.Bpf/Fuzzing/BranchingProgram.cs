using Fathom.Bpf.Assembly;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Fuzzing;

/// <summary>Programs of any length that are work for the verifier: loads, arithmetic, masked accesses, spills and a branch in each group of ten instructions.</summary>
public static class BranchingProgram
{
    /// <summary>A storage function of about so many instructions, never more; the verifier accepts it.</summary>
    public static BpfProgram OfLength(int instructions)
    {
        var text = new List<string> { "r6 = r1\nw2 = 0\nw3 = 512\ncall fathom_data\nif r0 == 0 goto exit\nr7 = r0\nr8 = 0\nr9 = 0" };
        for (var count = 10; count + 12 < instructions; count += 10)
        {
            text.Add($"r1 = *(u64 *)(r7 + {count % 500})\nr8 += r1\nif r1 > {count} goto +1\nr9 ^= r8\n*(u64 *)(r10 - {8 + (count % 60 * 8)}) = r1");
            text.Add("r1 &= 255\nr2 = r7\nr2 += r1\nr3 = *(u32 *)(r2 + 252)\nr8 += r3");
        }
        text.Add("r0 = r8\nr0 += r9\nexit");
        return Assembler.Assemble(string.Join('\n', text), $"branching {instructions}");
    }
}
