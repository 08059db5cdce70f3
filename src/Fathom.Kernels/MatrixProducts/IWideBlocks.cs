using System.Runtime.Intrinsics;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>How a kernel reads weights as int16: blocks of 16 rows, cut into sub-blocks with a scale (and a minimum) a row.</summary>
/// <remarks>
/// A value is scale·q + minimum. A vector of int16 holds two columns of its rows, the row's two values beside each other:
/// <code>
/// lane      0    1    2    3   ...  30   31        (512 bits: rows 0-15; 256 bits: rows 0-7, then 8-15)
/// row       0    0    1    1   ...  15   15
/// column    2p  2p+1  2p  2p+1 ...  2p  2p+1
/// </code>
/// so that maddwd with the token's two values in every lane leaves one int32 a row.
/// </remarks>
internal unsafe interface IWideBlocks
{
    /// <summary>Distance from block to block.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>Columns of a block: 32 or 256.</summary>
    static abstract int BlockColumns { get; }

    /// <summary>Columns that share a scale: 16 or 32.</summary>
    static abstract int SubColumns { get; }

    /// <summary>Whether values have a minimum; without one <see cref="LoadMins"/> is not called.</summary>
    static abstract bool HasMins { get; }

    /// <summary>Scales of sub-block <paramref name="sub"/>, rows 0-7 (half 0) or 8-15 (half 1).</summary>
    static abstract Vector256<float> LoadScales(byte* block, nint sub, int half);

    /// <summary>Minima of a sub-block, eight rows.</summary>
    static abstract Vector256<float> LoadMins(byte* block, nint sub, int half);

    /// <summary>Columns 4·quad to 4·quad + 3; wPH holds pair P of columns and rows of half H.</summary>
    static abstract void Load(
        byte* block, nint quad, out Vector256<short> w00, out Vector256<short> w01, out Vector256<short> w10, out Vector256<short> w11);

    /// <summary>The same with all 16 rows in a vector; wP holds pair P.</summary>
    static abstract void Load(byte* block, nint quad, out Vector512<short> w0, out Vector512<short> w1);

    /// <summary>One value's integer; the scalar twin.</summary>
    static abstract int Value(byte* block, int lane, int column);

    /// <summary>One scale; the scalar twin.</summary>
    static abstract float Scale(byte* block, int sub, int lane);

    /// <summary>One minimum; the scalar twin.</summary>
    static abstract float Min(byte* block, int sub, int lane);
}
