using System.Runtime.CompilerServices;

namespace Fathom.BuiltinModel.Training;

/// <summary>A row-major f32 matrix at a fixed, 64-byte aligned address on the pinned heap; it lives as long as it is referenced.</summary>
internal sealed unsafe class Tensor
{
    private const int AlignmentBytes = 64;
    private readonly float[] _storage;

    public Tensor(int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        Rows = rows;
        Columns = columns;
        Count = checked(rows * columns);
        _storage = GC.AllocateArray<float>(checked(Count + AlignmentBytes / sizeof(float)), pinned: true);
        // SAFETY: the array is pinned for life and has one alignment unit to spare, so rounding its address up stays inside.
        nuint address = (nuint)Unsafe.AsPointer(ref _storage[0]);
        Pointer = (float*)((address + AlignmentBytes - 1) & ~(nuint)(AlignmentBytes - 1));
    }

    public int Rows { get; }

    public int Columns { get; }

    public int Count { get; }

    public float* Pointer { get; }

    public Span<float> Span => new(Pointer, Count);

    public Span<float> Row(int row) => Span.Slice(checked(row * Columns), Columns);

    public MatrixView View => new(Pointer, Rows, Columns, Columns, 1);

    /// <summary>The first <paramref name="rows"/> rows.</summary>
    public MatrixView Top(int rows) => View.Block(0, rows, 0, Columns);
}

/// <summary>A strided view of f32 values that a <see cref="Tensor"/> owns: element (i, j) is at i·RowStride + j·ColumnStride.</summary>
internal readonly unsafe struct MatrixView(float* pointer, int rows, int columns, nint rowStride, nint columnStride)
{
    public float* Pointer { get; } = pointer;

    public int Rows { get; } = rows;

    public int Columns { get; } = columns;

    public nint RowStride { get; } = rowStride;

    public nint ColumnStride { get; } = columnStride;

    public MatrixView Transposed => new(Pointer, Columns, Rows, ColumnStride, RowStride);

    public MatrixView Block(int row, int rows, int column, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfNegative(column);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(row + rows, Rows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(column + columns, Columns);
        return new(Pointer + (row * RowStride) + (column * ColumnStride), rows, columns, RowStride, ColumnStride);
    }
}
