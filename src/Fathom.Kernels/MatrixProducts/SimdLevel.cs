using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Which instructions a product uses; chosen once by what the processor has.</summary>
internal enum SimdLevel
{
    /// <summary>The twins: plain C#, for processors without AVX2 and for tests to compare with.</summary>
    Scalar,

    /// <summary>AVX2 and FMA.</summary>
    Avx2,
}

internal static class SimdLevels
{
    public static SimdLevel Best { get; } = Avx2.IsSupported && Fma.IsSupported ? SimdLevel.Avx2 : SimdLevel.Scalar;
}
