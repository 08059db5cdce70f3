using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Which instructions a product uses; chosen once by what the processor has.</summary>
internal enum SimdLevel
{
    /// <summary>The twins: plain C#, for processors without vectors and for tests to compare with.</summary>
    Scalar,

    /// <summary>
    /// Vectors of 128 bits in operations that every processor has: AdvSimd on Arm64, with its dot product of bytes where there is one.
    /// Formats without such a kernel run their scalar twin.
    /// </summary>
    Portable,

    /// <summary>AVX2 and FMA.</summary>
    Avx2,

    /// <summary>AVX-512 F and BW too, where a kernel has such a path; the others run their AVX2 path.</summary>
    Avx512,

    /// <summary>AVX-512 VNNI by assembled kernels, where a format has one; Linux only. The others run as before.</summary>
    Vnni,
}

internal static class SimdLevels
{
    public static SimdLevel Best { get; } =
        !Vector128.IsHardwareAccelerated ? SimdLevel.Scalar
        : !Avx2.IsSupported || !Fma.IsSupported ? SimdLevel.Portable
        : !Avx512F.IsSupported || !Avx512BW.IsSupported ? SimdLevel.Avx2
        : OperatingSystem.IsLinux() && HasVnni() ? SimdLevel.Vnni
        : SimdLevel.Avx512;

    /// <summary>AVX512_VNNI: leaf 7, bit 11 of ecx. That the system keeps 512-bit registers is known from the levels below.</summary>
    private static bool HasVnni() => X86Base.CpuId(0, 0).Eax >= 7 && (X86Base.CpuId(7, 0).Ecx >> 11 & 1) != 0;
}
