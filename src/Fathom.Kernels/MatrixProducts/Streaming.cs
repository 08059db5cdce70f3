using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Asks for weights ahead of their use; a panel's several streams outrun the hardware's own prefetch.</summary>
internal static unsafe class Streaming
{
    /// <summary>How far ahead: the latency of memory at the full rate of one core.</summary>
    public const int AheadBytes = 4096;

    /// <summary>A cache line.</summary>
    public const int LineBytes = 64;

    /// <summary>Touches <paramref name="bytes"/> bytes; addresses past the end of memory do no harm.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* at, int bytes)
    {
        for (var offset = 0; offset < bytes; offset += LineBytes)
            Sse.Prefetch0(at + offset);
    }

    /// <summary>Touches one cache line, for use some microseconds later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PrefetchLine(byte* at) => Sse.Prefetch1(at);
}
