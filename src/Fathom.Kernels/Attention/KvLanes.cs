using System.Runtime.CompilerServices;

namespace Fathom.Kernels.Attention;

/// <summary>How sixteen neighbouring stored values become sixteen single-precision lanes.</summary>
internal unsafe interface IKvLanes<TSixteen>
    where TSixteen : struct, ISixteen<TSixteen>
{
    /// <summary>Values index..index+15 after <paramref name="values"/>.</summary>
    static abstract TSixteen Load(byte* values, nint index);

    /// <summary>Asks memory for what lies there, if it comes from memory.</summary>
    static abstract void Ask(byte* values, nint index);
}

/// <summary>Singles as they are: what was converted is in the first-level cache, and F32 storage is for tests.</summary>
internal readonly unsafe struct SingleLanes<TSixteen> : IKvLanes<TSixteen>
    where TSixteen : struct, ISixteen<TSixteen>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TSixteen Load(byte* values, nint index) => TSixteen.Load((float*)values + index);

    public static void Ask(byte* values, nint index)
    {
    }
}

/// <summary>Halves, times 2^-112.</summary>
internal readonly unsafe struct LoweredHalfLanes<TSixteen> : IKvLanes<TSixteen>
    where TSixteen : struct, ISixteen<TSixteen>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TSixteen Load(byte* values, nint index) => TSixteen.LoadLowered((short*)values + index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ask(byte* values, nint index) => KvTiles.Ask(values + 2 * index);
}
