namespace Fathom.Bpf.Assembly;

/// <summary>The two ways in which programs are written down. The assembler reads both, line by line.</summary>
public enum AssemblySyntax
{
    /// <summary>As clang and llvm-objdump: <c>r0 = r1</c>, <c>if r1 s&gt; 5 goto +3</c>, <c>*(u32 *)(r1 + 4) = w2</c>.</summary>
    Statement,

    /// <summary>As ubpf and bpf_conformance: <c>mov %r0, %r1</c>, <c>jsgt %r1, 5, +3</c>, <c>stxw [%r1+4], %r2</c>.</summary>
    Mnemonic,
}
