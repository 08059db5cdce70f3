using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts.Assembled;

/// <summary>A format's assembled tiles, of one token and of four; the latter also ask for the chunk that comes next.</summary>
/// <remarks>Made once a process, at the first use of the format; immutable, so any thread may multiply with it.</remarks>
internal sealed unsafe class DotKernel
{
    private const int ChunkBytes = 20 << 10;

    /// <summary>Tiles of a chunk that ask for the next, each for its share of the lines: as many as there are, up to the last number.</summary>
    private static readonly int[] _askers = [0, 1, 2, 4, 8];

    private readonly Function _one;
    private readonly Function[] _fours;

    [SupportedOSPlatform("linux")]
    private DotKernel(Func<int, int, DotAssembly> format)
    {
        _one = new Function(format(1, 0));
        DotAssembly[] fours = [.. _askers.Select(askers => format(Activations.TileTokens, askers))];
        _fours = [.. fours.Select(four => new Function(four))];
        (Form, BlockColumns, BlockBytes) = (fours[0].Form, fours[0].BlockColumns, fours[0].BlockBytes);
    }

    /// <summary>The activations it reads.</summary>
    public ActivationForms Form { get; }

    /// <summary>Columns of a packed block.</summary>
    public int BlockColumns { get; }

    /// <summary>Bytes of a packed block of a panel.</summary>
    public int BlockBytes { get; }

    /// <summary>Assembles a format's kernel where <see cref="SimdLevel.Vnni"/> is; null elsewhere.</summary>
    /// <param name="format">The format's assembly for a number of tokens and of askers.</param>
    public static DotKernel? Create(Func<int, int, DotAssembly> format) =>
        OperatingSystem.IsLinux() && SimdLevels.Best == SimdLevel.Vnni ? new DotKernel(format) : null;

    /// <summary>Columns of a row's chunks, but for a shorter last: weights of two panels that stay in the first-level cache while tiles of tokens pass.</summary>
    public int ChunkColumns(int columns)
    {
        var blocks = columns / BlockColumns;
        var most = ChunkBytes / (2 * BlockBytes);
        var chunks = (blocks + most - 1) / most;
        return (blocks + chunks - 1) / chunks * BlockColumns;
    }

    /// <summary>Adds to the sums of one token.</summary>
    /// <param name="arguments">Of a panel, and if it is one of two, of both.</param>
    /// <param name="panels">1 or 2.</param>
    public void MultiplyOne(DotArguments arguments, int panels)
    {
        _one.Call(&arguments);
        if (panels < 2)
            return;
        arguments.W0 = arguments.W1;
        arguments.Sums0 = arguments.Sums1;
        _one.Call(&arguments);
    }

    /// <summary>Adds to the sums of a tile of four tokens and two panels.</summary>
    /// <param name="arguments">Where they are; <see cref="DotArguments.Ahead"/> leads to the next chunk.</param>
    /// <param name="tile">Which of the tiles that pass over the chunk.</param>
    /// <param name="tiles">How many do.</param>
    public void MultiplyFour(DotArguments arguments, int tile, int tiles)
    {
        var most = _fours.Length - 1;
        while (_fours[most].Askers > tiles)
            most--;
        var function = tile < _fours[most].Askers ? _fours[most] : _fours[0];
        arguments.Ahead += tile * function.AskedBytes;
        function.Call(&arguments);
    }

    /// <summary>One assembled function, which lives as long as this.</summary>
    private sealed class Function
    {
        private readonly delegate* unmanaged[SuppressGCTransition]<DotArguments*, void> _pointer;

        // Owns what the pointer points to.
        private readonly SafeHandle _code;

        [SupportedOSPlatform("linux")]
        public Function(DotAssembly assembly)
        {
            (Askers, AskedBytes) = (assembly.Askers, assembly.AskedBytes);
            var code = ExecutableMemory.Create(assembly.Assemble());
            _pointer = (delegate* unmanaged[SuppressGCTransition]<DotArguments*, void>)code.Pointer;
            _code = code;
        }

        public int Askers { get; }

        public int AskedBytes { get; }

        public void Call(DotArguments* arguments)
        {
            // SAFETY: the code is that of the arguments' layout; it calls nothing, holds no managed reference and is done in microseconds, so
            // the collector may wait for it.
            _pointer(arguments);
            GC.KeepAlive(_code);
        }
    }
}
