using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Fathom.Kernels.Formats;
using Fathom.Kernels.MatrixProducts.Portable;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.MatrixProducts;

/// <summary>F32, F16 and BF16 weights in panels [columns, 16 rows] of their own type; missing rows of the last panel are zero.</summary>
internal sealed unsafe class FloatPanels : WeightMatrix
{
    private readonly int _valueBytes;

    public FloatPanels(in WeightShape shape)
        : base(shape) => _valueBytes = BlockFormat.Get(shape.Type).BytesPerBlock;

    private protected override ActivationForms Form => ActivationForms.Single;

    private protected override ActivationForms? PortableForm => ActivationForms.Single;

    private protected override int ChunkColumns => 256;

    /// <summary>Packs values of two or four bytes.</summary>
    public static NativeBuffer Pack(int valueBytes, int rows, int columns, NativeView source, ComputePool pool)
    {
        var packed = NativeBuffer.Allocate(checked((long)PanelsOf(rows) * PanelRows * columns * valueBytes), 4096);
        var work = new PackWork { Rows = rows, Columns = columns, ValueBytes = valueBytes, Source = source, Packed = packed.Pointer };
        pool.Run(ref work, PanelsOf(rows));
        return packed;
    }

    private protected override void MultiplyScalar(int panel, in Activations x, int token, float* sums)
    {
        var w = Chunk(panel, 0);
        var values = x.Singles + (long)token * Columns;
        for (var k = 0; k < Columns; k++)
        {
            for (var lane = 0; lane < PanelRows; lane++)
            {
                var value = Type switch
                {
                    TensorType.F32 => ((float*)w)[lane],
                    TensorType.F16 => (float)((Half*)w)[lane],
                    _ => BitConverter.Int32BitsToSingle(((short*)w)[lane] << 16),
                };
                sums[lane] += value * values[k];
            }
            w += PanelRows * _valueBytes;
        }
    }

    private protected override void MultiplyPortable(int panel, in Activations x, int token, int column, int columns, float* sums)
    {
        var w = Chunk(panel, column);
        var values = x.Singles + (long)token * Columns + column;
        switch (Type)
        {
            case TensorType.F32:
                PortableRows.MultiplySingles<SingleColumns>(w, columns, values, sums);
                break;
            case TensorType.F16:
                PortableRows.MultiplySingles<HalfColumns>(w, columns, values, sums);
                break;
            default:
                PortableRows.MultiplySingles<BrainColumns>(w, columns, values, sums);
                break;
        }
    }

    private protected override void MultiplyPacked(int panel, in Activations x, int tile, int tokens, float* sums)
    {
        var w = Chunk(panel, 0);
        switch (Type)
        {
            case TensorType.F32:
                FloatTiles.Multiply<SingleLanes>(w, Columns, x, tile, 0, tokens, sums);
                break;
            case TensorType.F16:
                FloatTiles.Multiply<HalfPanelLanes>(w, Columns, x, tile, 0, tokens, sums);
                break;
            default:
                FloatTiles.Multiply<BrainLanes>(w, Columns, x, tile, 0, tokens, sums);
                break;
        }
    }

    private protected override byte* Unpack(int panel, int column, int columns, byte* target)
    {
        var w = Chunk(panel, column);
        if (Type == TensorType.F32)
            return w; // already what the kernel reads
        if (Type == TensorType.F16)
            FloatTiles.Unpack<HalfPanelLanes>(w, columns, (float*)target);
        else
            FloatTiles.Unpack<BrainLanes>(w, columns, (float*)target);
        return target;
    }

    private protected override void MultiplyUnpacked(byte* unpacked, in Activations x, int tile, int column, int columns, float* sums) =>
        FloatTiles.Multiply<SingleLanes>(unpacked, columns, x, tile, column, Activations.TileTokens, sums);

    private protected override void MultiplyPair(
        int panel, in Activations x, int firstTile, int tiles, int column, int columns, float* sums)
    {
        switch (Type)
        {
            case TensorType.F32:
                MultiplyPair<SingleLanes>(panel, x, firstTile, tiles, column, columns, sums);
                break;
            case TensorType.F16:
                MultiplyPair<HalfPanelLanes>(panel, x, firstTile, tiles, column, columns, sums);
                break;
            default:
                MultiplyPair<BrainLanes>(panel, x, firstTile, tiles, column, columns, sums);
                break;
        }
    }

    /// <summary>Weights become singles in registers, once for eight tokens: what is packed fits the cache better.</summary>
    private void MultiplyPair<TLanes>(int panel, in Activations x, int firstTile, int tiles, int column, int columns, float* sums)
        where TLanes : struct, IFloatLanes
    {
        byte* w0 = Chunk(panel, column), w1 = Chunk(panel + 1, column);
        for (var tile = 0; tile < tiles; tile += 2, sums += 2 * Activations.TileTokens * PanelRows)
        {
            PrefetchNext(panel, column + ChunkColumns, tile / 2, (tiles + 1) / 2);
            if (tile + 1 < tiles)
                FloatTiles512.Multiply8<TLanes>(w0, w1, columns, x, firstTile + tile, column, sums, sums + PanelSums);
            else
                FloatTiles512.Multiply4<TLanes>(w0, w1, columns, x, firstTile + tile, column, sums, sums + PanelSums);
        }
    }

    private byte* Chunk(int panel, int column) => Packed + ((long)panel * Columns + column) * PanelRows * _valueBytes;

    private readonly struct HalfPanelLanes : IFloatLanes
    {
        public static int ColumnBytes => 32;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Load(byte* column, out Vector256<float> w0, out Vector256<float> w1)
        {
            w0 = HalfLanes.Load8((short*)column);
            w1 = HalfLanes.Load8((short*)column + 8);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Load(byte* column) => HalfLanes.Load16((short*)column);
    }

    private readonly struct BrainLanes : IFloatLanes
    {
        public static int ColumnBytes => 32;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Load(byte* column, out Vector256<float> w0, out Vector256<float> w1)
        {
            w0 = Vector256.ShiftLeft(Avx2.ConvertToVector256Int32((short*)column), 16).AsSingle();
            w1 = Vector256.ShiftLeft(Avx2.ConvertToVector256Int32((short*)column + 8), 16).AsSingle();
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Load(byte* column) =>
            Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector256.Load((short*)column)), 16).AsSingle();
    }

    private struct PackWork : IParallelWork
    {
        public int Rows;
        public int Columns;
        public int ValueBytes;
        public NativeView Source;
        public byte* Packed;

        public readonly void Execute(int begin, int end, int worker)
        {
            for (var panel = begin; panel < end; panel++)
            {
                var rowBytes = (long)Columns * ValueBytes;
                var rows = Math.Min(PanelRows, Rows - panel * PanelRows);
                // SAFETY: Slice holds the panel's rows; the packed buffer holds all panels of 16 x Columns values.
                var source = Source.Slice((long)panel * PanelRows * rowBytes, rows * rowBytes).Pointer;
                var target = Packed + (long)panel * PanelRows * rowBytes;
                var k = 0;
                if (ValueBytes == sizeof(short))
                {
                    for (; k + 16 <= Columns; k += 16)
                        WordTransposition.Rows16(source + k * 2L, rowBytes, rows, (short*)target + (long)k * PanelRows);
                }
                for (; k < Columns; k++)
                {
                    for (var lane = 0; lane < rows; lane++)
                    {
                        if (ValueBytes == sizeof(float))
                            ((float*)target)[(long)k * PanelRows + lane] = ((float*)(source + lane * rowBytes))[k];
                        else
                            ((short*)target)[(long)k * PanelRows + lane] = ((short*)(source + lane * rowBytes))[k];
                    }
                }
            }
        }
    }
}
