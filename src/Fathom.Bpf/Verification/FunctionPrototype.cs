using System.Collections.Immutable;

namespace Fathom.Bpf.Verification;

/// <summary>A helper or kfunc as the verifier knows it.</summary>
/// <param name="Name">As in C.</param>
/// <param name="Result">What it leaves in R0.</param>
/// <param name="Arguments">R1 and on; at most five.</param>
public sealed record FunctionPrototype(string Name, ResultKind Result, params ImmutableArray<ArgumentKind> Arguments)
{
    /// <summary>The function may move the packet: what was read of its bounds holds no longer.</summary>
    public bool MovesPacket { get; init; }
}
