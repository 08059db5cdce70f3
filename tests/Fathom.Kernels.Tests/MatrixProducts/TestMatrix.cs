using Fathom.Kernels.Formats;
using Fathom.Kernels.MatrixProducts;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.Tests.MatrixProducts;

/// <summary>A random matrix, both packed and decoded.</summary>
internal sealed class TestMatrix : IDisposable
{
    public TestMatrix(TensorType type, int rows, int columns, ComputePool pool, int seed = 5)
    {
        var random = new Random(seed);
        var values = new float[rows * columns];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)(random.NextDouble() - 0.45) * (1 + i % 3);
        var bytes = BlockFormat.Get(type).RowBytes(values.Length);
        using var source = NativeBuffer.Allocate(bytes);
        BlockCodec.Encode(type, values, source.AsSpan<byte>(0, (int)bytes));
        Decoded = values;
        BlockCodec.Decode(type, source.AsSpan<byte>(0, (int)bytes), Decoded);
        Packed = WeightMatrix.Pack(type, rows, columns, source.View, pool);
    }

    public WeightMatrix Packed { get; }

    /// <summary>[rows, columns].</summary>
    public float[] Decoded { get; }

    public static float[] Activations(int m, int columns, int seed = 9)
    {
        var random = new Random(seed);
        var x = new float[m * columns];
        for (var i = 0; i < x.Length; i++)
            x[i] = (float)(random.NextDouble() * 2 - 1) * (i / 64 % 7 + 0.01f);
        return x;
    }

    public void Dispose() => Packed.Dispose();
}
