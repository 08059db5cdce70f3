using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels;

/// <summary>The vectors that an operator written for several widths runs on.</summary>
internal enum VectorWidth
{
    /// <summary>The twin: plain C#, for processors without fused multiply-add and for tests to compare with.</summary>
    Scalar,

    /// <summary>Arm64's AdvSimd; on x86 the same code runs in tests.</summary>
    Bits128,

    /// <summary>AVX2 and FMA.</summary>
    Bits256,

    /// <summary>AVX-512 F and BW.</summary>
    Bits512,
}

internal static class VectorWidths
{
    /// <summary>Every width that this processor has, narrowest first.</summary>
    public static IReadOnlyList<VectorWidth> Supported { get; } = [.. Enum.GetValues<VectorWidth>().Where(IsSupported)];

    /// <summary>The widest: what operators run on.</summary>
    public static VectorWidth Best => Supported[^1];

    private static bool IsSupported(VectorWidth width) => width switch
    {
        VectorWidth.Bits128 => AdvSimd.Arm64.IsSupported || Fma.IsSupported,
        VectorWidth.Bits256 => Avx2.IsSupported && Fma.IsSupported,
        VectorWidth.Bits512 => Avx512F.IsSupported && Avx512BW.IsSupported,
        _ => true,
    };
}
