using Fathom.FarMemory.Identity;
using Fathom.FarMemory.Transports;
using Fathom.Memory;

namespace Fathom.FarMemory.SpanSets;

/// <summary>What the host of a pool's state machine has to do after a step, in order.</summary>
internal enum PoolActionKind
{
    /// <summary>Send <see cref="PoolAction.Request"/>.</summary>
    Send,

    /// <summary>Forget <see cref="PoolAction.Request"/>: nothing may touch its memory afterwards.</summary>
    Cancel,

    /// <summary>Compute <see cref="PoolAction.Combine"/> and tell the machine the checksum of the sum.</summary>
    Combine,

    /// <summary><see cref="PoolAction.Operation"/> is a <see cref="SpanRead"/> with its outcome.</summary>
    CompleteRead,

    /// <summary><see cref="PoolAction.Operation"/> is a <see cref="SwapOut"/> with its outcome.</summary>
    CompleteWrite,

    /// <summary>Ask the directory for a region on <see cref="PoolAction.Node"/>; answer with a grant or a refusal.</summary>
    AskRegion,

    /// <summary>Nothing of this pool stands on <see cref="PoolAction.Node"/>, a draining node, any more.</summary>
    Drained,

    /// <summary><see cref="PoolAction.Span"/> cannot be decoded any more.</summary>
    SpanLost,
}

/// <summary>One thing to do.</summary>
internal readonly record struct PoolAction(
    PoolActionKind Kind,
    NodeRequest? Request = null,
    CombineWork? Combine = null,
    PoolOperation? Operation = null,
    NodeId Node = default,
    SpanId Span = default);

/// <summary>A sum of fragments for the host to compute outside of the machine's lock.</summary>
/// <remarks>Owned by the machine, which reuses it after it has heard of the checksum.</remarks>
internal sealed class CombineWork(int sourcesMax)
{
    public NativeView[] Sources { get; } = new NativeView[sourcesMax];

    public byte[] Coefficients { get; } = new byte[sourcesMax];

    public int Count { get; set; }

    public NativeView Target { get; set; }

    public PoolOperation? Issuer { get; set; }

    /// <summary>The issuer's own note.</summary>
    public int Slot { get; set; }

    /// <summary>target = Σ coefficient·source.</summary>
    /// <returns>CRC32C of the target.</returns>
    public uint Run()
    {
        FragmentCode.Combine(Sources.AsSpan(0, Count), Coefficients.AsSpan(0, Count), Target);
        return Integrity.Crc32C.Compute(Target);
    }
}
