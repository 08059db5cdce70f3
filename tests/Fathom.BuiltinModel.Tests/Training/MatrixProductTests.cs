using Fathom.BuiltinModel.Training;

namespace Fathom.BuiltinModel.Tests.Training;

public sealed class MatrixProductTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(12, 32, 32)]
    [InlineData(13, 300, 33)]
    [InlineData(97, 257, 70)]
    [InlineData(200, 600, 5)]
    public void Multiply_AnyLayout_MatchesDoubleSum(int m, int k, int n)
    {
        var random = new SeededRandom(1);
        foreach (bool transposeA in (bool[])[false, true])
        {
            foreach (bool transposeB in (bool[])[false, true])
            {
                Tensor a = Filled(transposeA ? k : m, transposeA ? m : k, random);
                Tensor b = Filled(transposeB ? n : k, transposeB ? k : n, random);
                Tensor c = Filled(m, n, random);
                float[] before = c.Span.ToArray();
                new MatrixProduct(2).Multiply(
                    transposeA ? a.View.Transposed : a.View, transposeB ? b.View.Transposed : b.View, c.View, accumulate: transposeA);
                for (int i = 0; i < m; i++)
                {
                    for (int j = 0; j < n; j++)
                    {
                        double sum = transposeA ? before[(i * n) + j] : 0, size = Math.Abs(sum);
                        for (int p = 0; p < k; p++)
                        {
                            double product = (double)(transposeA ? a.Row(p)[i] : a.Row(i)[p]) * (transposeB ? b.Row(j)[p] : b.Row(p)[j]);
                            sum += product;
                            size += Math.Abs(product);
                        }

                        // One rounding per multiply-add: k·2^-24 of the sum of magnitudes bounds it.
                        Assert.InRange(c.Row(i)[j], sum - (size * (k + 1) * 6e-8), sum + (size * (k + 1) * 6e-8));
                    }
                }
            }
        }
    }

    [Fact]
    public void Multiply_AnyNumberOfThreads_SameBits()
    {
        var random = new SeededRandom(2);
        Tensor a = Filled(150, 700, random), b = Filled(700, 100, random);
        float[]? first = null;
        foreach (int threads in (int[])[1, 2, 3, 7])
        {
            var c = new Tensor(150, 100);
            new MatrixProduct(threads).Multiply(a.View, b.View, c.View);
            first ??= c.Span.ToArray();
            Assert.True(c.Span.SequenceEqual(first));
        }
    }

    [Fact]
    public void Multiply_ShapesThatDoNotFit_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new MatrixProduct(1).Multiply(new Tensor(2, 3).View, new Tensor(4, 2).View, new Tensor(2, 2).View));

    [Fact]
    public unsafe void Tile_VectorPath_MatchesScalarTwinBitForBit()
    {
        var random = new SeededRandom(3);
        int rows = MatrixTile.Rows, columns = MatrixTile.Columns, k = 37;
        Tensor a = Filled(rows, k, random), b = Filled(k, columns, random), fast = Filled(rows, columns, random);
        var slow = new Tensor(rows, columns);
        foreach (bool accumulate in (bool[])[false, true])
        {
            fast.Span.CopyTo(slow.Span);
            MatrixTile.Multiply(k, a.Pointer, k, 1, b.Pointer, columns, fast.Pointer, columns, accumulate);
            MatrixTile.MultiplyScalar(k, a.Pointer, k, 1, b.Pointer, columns, slow.Pointer, columns, accumulate);
            Assert.True(fast.Span.SequenceEqual(slow.Span));
        }
    }

    internal static Tensor Filled(int rows, int columns, SeededRandom random)
    {
        var tensor = new Tensor(rows, columns);
        foreach (ref float value in tensor.Span)
            value = (float)random.NextNormal();
        return tensor;
    }
}
