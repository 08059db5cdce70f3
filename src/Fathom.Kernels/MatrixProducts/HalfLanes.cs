using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>Halves to singles without F16C, which .NET does not expose.</summary>
internal static unsafe class HalfLanes
{
    /// <summary>Eight finite halves; infinity becomes 65536 and NaN a number, which no valid model holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load8(short* source)
    {
        // Sign-extended and shifted by 13: sign in place (and smeared, so masked), exponent and fraction where a single has
        // them. The exponent is then too small by 127 - 15, also for subnormals: 2^112 repairs it exactly.
        var bits = Vector256.ShiftLeft(Avx2.ConvertToVector256Int32(source), 13) & Vector256.Create(unchecked((int)0x8FFF_E000));
        return bits.AsSingle() * Vector256.Create(5.192296858534828e33f);
    }
}
