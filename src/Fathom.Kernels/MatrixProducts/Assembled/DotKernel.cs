using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts.Assembled;

/// <summary>A format's assembled tiles, of one token and of four.</summary>
/// <remarks>Made once a process, at the first use of the format; immutable, so any thread may multiply with it.</remarks>
internal sealed unsafe class DotKernel
{
    private const int ChunkBytes = 20 << 10;

    private readonly delegate* unmanaged[SuppressGCTransition]<DotArguments*, void> _one;
    private readonly delegate* unmanaged[SuppressGCTransition]<DotArguments*, void> _four;

    // Owns what the pointers point to.
    private readonly SafeHandle[] _code;

    [SupportedOSPlatform("linux")]
    private DotKernel(DotAssembly one, DotAssembly four)
    {
        (Form, BlockColumns, BlockBytes) = (four.Form, four.BlockColumns, four.BlockBytes);
        var (codeOfOne, codeOfFour) = (ExecutableMemory.Create(one.Assemble()), ExecutableMemory.Create(four.Assemble()));
        _one = (delegate* unmanaged[SuppressGCTransition]<DotArguments*, void>)codeOfOne.Pointer;
        _four = (delegate* unmanaged[SuppressGCTransition]<DotArguments*, void>)codeOfFour.Pointer;
        _code = [codeOfOne, codeOfFour];
    }

    /// <summary>The activations it reads.</summary>
    public ActivationForms Form { get; }

    /// <summary>Columns of a packed block.</summary>
    public int BlockColumns { get; }

    /// <summary>Bytes of a packed block of a panel.</summary>
    public int BlockBytes { get; }

    /// <summary>Columns whose weights of two panels stay in the first-level cache while tiles of tokens pass.</summary>
    public int ChunkColumns => ChunkBytes / (2 * BlockBytes) * BlockColumns;

    /// <summary>Assembles a format's kernel where <see cref="SimdLevel.Vnni"/> is; null elsewhere.</summary>
    /// <param name="format">The format's assembly for a number of tokens.</param>
    public static DotKernel? Create(Func<int, DotAssembly> format) =>
        OperatingSystem.IsLinux() && SimdLevels.Best == SimdLevel.Vnni ? new DotKernel(format(1), format(Activations.TileTokens)) : null;

    /// <summary>Adds to the sums of a tile's first <paramref name="tokens"/> tokens; the other tokens' may change too.</summary>
    /// <param name="arguments">With more than one token, of two panels; one that stands in for the second is multiplied twice.</param>
    /// <param name="tokens">1 to a tile's.</param>
    /// <param name="panels">1 or 2.</param>
    public void Multiply(DotArguments arguments, int tokens, int panels)
    {
        // SAFETY: the code is that of the arguments' layout and lives as long as this; it calls nothing, holds no managed
        // reference and is done in microseconds, so the collector may wait for it.
        if (tokens > 1)
        {
            _four(&arguments);
        }
        else
        {
            _one(&arguments);
            if (panels == 2)
            {
                arguments.W0 = arguments.W1;
                arguments.Sums0 = arguments.Sums1;
                _one(&arguments);
            }
        }
        GC.KeepAlive(_code);
    }
}
