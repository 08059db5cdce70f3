using System.Runtime.CompilerServices;

namespace Fathom.Kernels.MatrixProducts.Portable;

/// <summary>How a column of a panel's 16 weights becomes singles.</summary>
internal unsafe interface IPortableColumns
{
    /// <summary>Bytes of a column.</summary>
    static abstract int ColumnBytes { get; }

    static abstract SixteenOf128 Load(byte* column);
}

/// <summary>F32.</summary>
internal readonly unsafe struct SingleColumns : IPortableColumns
{
    public static int ColumnBytes => 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 Load(byte* column) => SixteenOf128.Load((float*)column);
}

/// <summary>F16.</summary>
internal readonly unsafe struct HalfColumns : IPortableColumns
{
    public static int ColumnBytes => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 Load(byte* column) => SixteenOf128.LoadHalves((short*)column);
}

/// <summary>BF16.</summary>
internal readonly unsafe struct BrainColumns : IPortableColumns
{
    public static int ColumnBytes => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SixteenOf128 Load(byte* column) => SixteenOf128.LoadBrain((short*)column);
}
