using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Which instructions a product uses; chosen once by what the processor has.</summary>
internal enum SimdLevel
{
    /// <summary>The twins: plain C#, for processors without AVX2 and for tests to compare with.</summary>
    Scalar,

    /// <summary>AVX2 and FMA.</summary>
    Avx2,

    /// <summary>AVX-512 F and BW too, where a kernel has such a path; the others run their AVX2 path.</summary>
    Avx512,
}

internal static class SimdLevels
{
    public static SimdLevel Best { get; } =
        !Avx2.IsSupported || !Fma.IsSupported ? SimdLevel.Scalar
        : Avx512F.IsSupported && Avx512BW.IsSupported ? SimdLevel.Avx512
        : SimdLevel.Avx2;
}
