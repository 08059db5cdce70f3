using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Fathom.Kernels.Attention;

/// <summary>How eight neighbouring stored values become eight single-precision lanes.</summary>
internal unsafe interface IKvLanes
{
    /// <summary>Values index..index+7 after <paramref name="values"/>.</summary>
    static abstract Vector256<float> Load(byte* values, nint index);
}

/// <summary>Singles as they are.</summary>
internal readonly unsafe struct SingleLanes : IKvLanes
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* values, nint index) => Vector256.Load((float*)values + index);
}

/// <summary>Halves, times 2^-112.</summary>
internal readonly unsafe struct LoweredHalfLanes : IKvLanes
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* values, nint index) =>
        HalfLanes.Lowered(Vector128.Load((short*)values + index));
}
