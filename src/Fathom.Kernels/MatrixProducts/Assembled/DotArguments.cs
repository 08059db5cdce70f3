using System.Runtime.InteropServices;

namespace Fathom.Kernels.MatrixProducts.Assembled;

/// <summary>What an assembled kernel is called with: where a chunk of two panels and a tile's activations for it begin.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct DotArguments
{
    /// <summary>First panel's blocks.</summary>
    public byte* W0;

    /// <summary>Second panel's.</summary>
    public byte* W1;

    /// <summary>Blocks of the chunk.</summary>
    public long Blocks;

    /// <summary>int8 [fours, 4 tokens, 4].</summary>
    public sbyte* Values;

    /// <summary>[4 tokens] for each of the activations' blocks.</summary>
    public float* Scales;

    /// <summary>What integer sums begin with: [4 tokens] for each of the activations' blocks, or for each 16 columns of blocks of 256.</summary>
    public int* Starts;

    /// <summary>First panel's sums [4 tokens, 16 rows]; added to.</summary>
    public float* Sums0;

    /// <summary>Second panel's.</summary>
    public float* Sums1;

    /// <summary>Of blocks of 256: sums of 32 values in pairs [4 pairs, 4 tokens, 2].</summary>
    public short* PairSums;

    /// <summary>From the first panel's blocks to what will be wanted next and is asked for meanwhile; the second panel's lie as far from its own.</summary>
    public long Ahead;
}
