using Fathom.Kernels.Formats;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>How matrices of one type are packed into panels, and which class multiplies with them.</summary>
/// <param name="BlockColumns">Columns of a packed block.</param>
/// <param name="BlockBytes">Bytes of a packed block of 16 rows.</param>
/// <param name="Pack">Packs a matrix.</param>
/// <param name="Wrap">Makes the matrix over packed bytes.</param>
internal sealed record PanelLayout(int BlockColumns, int BlockBytes, PanelLayout.Packing Pack, Func<WeightShape, WeightMatrix> Wrap)
{
    /// <summary>Packs rows x columns values.</summary>
    public delegate NativeBuffer Packing(int rows, int columns, NativeView source, ComputePool pool);

    /// <summary>The layout of a type.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such type.</exception>
    public static PanelLayout Of(TensorType type) => type switch
    {
        TensorType.F32 => Floats(sizeof(float)),
        TensorType.F16 or TensorType.BF16 => Floats(sizeof(short)),
        TensorType.Q8_0 => Blocks<Q8Blocks>(shape => new Q8Panels(shape)),
        TensorType.Q4_0 => Blocks<Q4Panels.Packer>(shape => new Q4Panels(shape)),
        TensorType.Q4_K => Blocks<Q4KPanels.Packer>(shape => new Q4KPanels(shape)),
        TensorType.Q6_K => Blocks<Q6KPanels.Packer>(shape => new Q6KPanels(shape)),
        TensorType.Q4_1 => Codes<CodesQ4_1>(),
        TensorType.Q5_0 => Codes<CodesQ5_0>(),
        TensorType.Q5_1 => Codes<CodesQ5_1>(),
        TensorType.Q2_K => Codes<CodesQ2_K>(),
        TensorType.Q3_K => Codes<CodesQ3_K>(),
        TensorType.Q5_K => Codes<CodesQ5_K>(),
        TensorType.IQ4_NL => Codes<CodesIQ4_NL>(),
        TensorType.MXFP4 => Codes<CodesMXFP4>(),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No such type."),
    };

    /// <summary>Bytes of a packed matrix.</summary>
    /// <exception cref="OverflowException">They do not fit in 63 bits.</exception>
    public long PackedBytes(int rows, int columns) => checked((long)WeightMatrix.PanelsOf(rows) * (columns / BlockColumns) * BlockBytes);

    private static PanelLayout Floats(int valueBytes) => new(
        1, WeightMatrix.PanelRows * valueBytes, (rows, columns, source, pool) => FloatPanels.Pack(valueBytes, rows, columns, source, pool),
        shape => new FloatPanels(shape));

    private static PanelLayout Codes<TFormat>()
        where TFormat : struct, ICodeFormat =>
        Blocks<CodeBlocks<TFormat>>(shape => new WidePanels<CodeBlocks<TFormat>>(shape));

    private static PanelLayout Blocks<TPacker>(Func<WeightShape, WeightMatrix> wrap)
        where TPacker : struct, IBlockPacker =>
        new(TPacker.Columns, TPacker.PackedBytes, PanelPacking<TPacker>.Pack, wrap);
}

/// <summary>What a <see cref="WeightMatrix"/> is made from.</summary>
/// <param name="Type">The type the values came in.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="Packed">The packed bytes.</param>
/// <param name="Owner">Freed with the matrix; null when the bytes are somebody else's.</param>
internal readonly record struct WeightShape(TensorType Type, int Rows, int Columns, NativeView Packed, NativeBuffer? Owner);
