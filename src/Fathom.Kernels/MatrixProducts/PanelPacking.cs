using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>How blocks of one type go into panels.</summary>
internal unsafe interface IBlockPacker
{
    /// <summary>Columns of a block.</summary>
    static abstract int Columns { get; }

    /// <summary>Bytes of one row's block in the file.</summary>
    static abstract int SourceBytes { get; }

    /// <summary>Bytes of a packed block of 16 rows.</summary>
    static abstract int PackedBytes { get; }

    /// <summary>Packs one block of up to 16 rows; the target is zero before.</summary>
    /// <param name="source">First row's block.</param>
    /// <param name="rowBytes">Distance from row to row.</param>
    /// <param name="rows">1 to 16.</param>
    /// <param name="target">The packed block.</param>
    static abstract void Pack(byte* source, long rowBytes, int rows, byte* target);
}

/// <summary>Packs a matrix panel by panel, block by block: a packed block stays in the cache while its 16 rows come in.</summary>
internal unsafe struct PanelPacking<TPacker> : IParallelWork
    where TPacker : struct, IBlockPacker
{
    private int _rows;
    private int _blocks;
    private NativeView _source;
    private byte* _packed;

    public static NativeBuffer Pack(int rows, int columns, NativeView source, ComputePool pool)
    {
        var panels = WeightMatrix.PanelsOf(rows);
        var blocks = columns / TPacker.Columns;
        var packed = NativeBuffer.Allocate(checked((long)panels * blocks * TPacker.PackedBytes), 4096);
        var work = new PanelPacking<TPacker> { _rows = rows, _blocks = blocks, _source = source, _packed = packed.Pointer };
        pool.Run(ref work, panels);
        return packed;
    }

    public readonly void Execute(int begin, int end, int worker)
    {
        var rowBytes = (long)_blocks * TPacker.SourceBytes;
        for (var panel = begin; panel < end; panel++)
        {
            var first = (long)panel * WeightMatrix.PanelRows;
            var rows = (int)Math.Min(WeightMatrix.PanelRows, _rows - first);
            // SAFETY: Slice holds the panel's rows; the packed buffer holds all panels of _blocks blocks.
            var source = _source.Slice(first * rowBytes, rows * rowBytes).Pointer;
            var target = _packed + (long)panel * _blocks * TPacker.PackedBytes;
            for (var block = 0; block < _blocks; block++, source += TPacker.SourceBytes, target += TPacker.PackedBytes)
                TPacker.Pack(source, rowBytes, rows, target);
        }
    }
}
