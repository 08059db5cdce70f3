using System.Runtime.Intrinsics;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>One row's block of a type, taken apart.</summary>
internal unsafe struct RowCodes
{
    /// <summary>A code a column, 0 to 2^bits - 1.</summary>
    public fixed byte Codes[256];

    /// <summary>A scale a sub-block, for types that quantise their scales.</summary>
    public fixed sbyte Scales[16];

    /// <summary>A minimum a sub-block, for types that quantise their minima.</summary>
    public fixed byte Mins[16];

    /// <summary>Bits of the block's scale: a half, or an E8M0 byte.</summary>
    public short Factor;

    /// <summary>Bits of the half that stands with the minima.</summary>
    public short MinFactor;
}

/// <summary>A type whose values are codes of 2 to 5 bits: what <see cref="CodeBlocks{TFormat}"/> has to know of it.</summary>
/// <remarks>
/// Value = factor·(sub-block's scale)·(integer of the code) + minimum, where the minimum is the block's own half, or minus a half
/// times the sub-block's minimum.
/// </remarks>
internal unsafe interface ICodeFormat
{
    /// <summary>Bytes of a row's block in the file.</summary>
    static abstract int SourceBytes { get; }

    /// <summary>Columns of a block: 32 or, where scales of sub-blocks are quantised, 256.</summary>
    static abstract int BlockColumns { get; }

    /// <summary>Columns that share a scale: 16 or 32.</summary>
    static abstract int SubColumns { get; }

    /// <summary>Bits of a code: 2 to 5.</summary>
    static abstract int Bits { get; }

    static abstract bool HasMins { get; }

    /// <summary>Scale and minimum of a sub-block are four bits each and share a byte.</summary>
    static abstract bool HasNibbleScales { get; }

    /// <summary>The factor is a power of two in a byte instead of a half.</summary>
    static abstract bool HasExponentFactor { get; }

    /// <summary>The integer that a code stands for, -128 to 127.</summary>
    static abstract int Level(int code);

    /// <summary>The same for 32 codes.</summary>
    static abstract Vector256<sbyte> Levels(Vector256<byte> codes);

    /// <summary>Takes a row's block apart.</summary>
    static abstract void Read(byte* source, ref RowCodes row);
}
