using Fathom.Kernels.Embedding;
using Fathom.Kernels.Formats;
using Fathom.Memory;

namespace Fathom.Kernels.Tests.Embedding;

public class EmbeddingTableTests
{
    [Theory]
    [InlineData(TensorType.F32)]
    [InlineData(TensorType.Q8_0)]
    [InlineData(TensorType.Q4_K)]
    public void Gather_Rows_AreTheDecodedOnes(TensorType type)
    {
        const int rows = 5, columns = 512;
        var random = new Random(1);
        var values = new float[rows * columns];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)random.NextDouble() - 0.5f;
        var bytes = (int)BlockFormat.Get(type).RowBytes(values.Length);
        using var source = NativeBuffer.Allocate(bytes);
        BlockCodec.Encode(type, values, source.AsSpan<byte>(0, bytes));
        BlockCodec.Decode(type, source.AsSpan<byte>(0, bytes), values);

        var table = new EmbeddingTable(type, rows, columns, source.View);
        int[] tokens = [4, 0, 4, 2];
        var y = new float[tokens.Length * columns];
        table.Gather(tokens, y);
        for (var t = 0; t < tokens.Length; t++)
            Assert.Equal(values.AsSpan(tokens[t] * columns, columns), y.AsSpan(t * columns, columns));
    }

    [Fact]
    public void Gather_TokenOrLengthOutside_IsRefused()
    {
        using var source = NativeBuffer.Allocate(3 * 4 * 4);
        var table = new EmbeddingTable(TensorType.F32, 3, 4, source.View);
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Gather([3], new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Gather([-1], new float[4]));
        Assert.Throws<ArgumentException>(() => table.Gather([1], new float[5]));
        Assert.Throws<ArgumentException>(() => new EmbeddingTable(TensorType.F32, 4, 4, source.View));
        Assert.Throws<ArgumentOutOfRangeException>(() => new EmbeddingTable(TensorType.Q8_0, 3, 4, source.View));
    }
}
