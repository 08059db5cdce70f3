using Fathom.Kernels.Formats;
using Fathom.Kernels.MatrixProducts;
using Fathom.Kernels.Parallelism;
using Fathom.Memory;

namespace Fathom.Kernels.Tests.MatrixProducts;

[Trait("Category", InstructionSetTests.Kernel)]
public class MatrixProductTests
{
    public static TheoryData<TensorType> AllTypes => [.. BlockFormat.All.Select(f => f.Type)];

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Multiply_AnyShape_AgreesWithDoublePrecision(TensorType type)
    {
        using var pool = new ComputePool(2);
        using var workspace = new MatrixWorkspace();
        foreach (var (rows, columns, m) in new[] { (1, 256, 1), (17, 512, 3), (48, 768, 13), (33, 1280, 40) })
        {
            using var w = new TestMatrix(type, rows, columns, pool);
            var x = TestMatrix.Activations(m, columns);
            var y = new float[m * rows];
            MatrixProduct.Multiply(pool, w.Packed, x, y, m, workspace);
            for (var t = 0; t < m; t++)
            {
                for (var o = 0; o < rows; o++)
                {
                    var (exact, bound) = Exact(w, x.AsSpan(t * columns, columns), o, ActivationBlock(type));
                    Assert.True(Math.Abs(y[t * rows + o] - exact) <= bound, $"{type} {rows}x{columns} m={m} y[{t},{o}]: {y[t * rows + o]}, exact {exact} ± {bound}");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Multiply_Simd_AgreesWithItsScalarTwin(TensorType type) => AssertAgreesWithTwin(type, SimdLevels.Best);

    [SkippableTheory]
    [MemberData(nameof(AllTypes))]
    public void Multiply_Avx512_GivesTheBitsOfAvx2(TensorType type)
    {
        Skip.If(SimdLevels.Best < SimdLevel.Avx512, "this processor has no AVX-512");
        using var pool = new ComputePool(2);
        using var workspace = new MatrixWorkspace { Level = SimdLevel.Avx512 };
        using var narrow = new MatrixWorkspace { Level = SimdLevel.Avx2 };
        const int rows = 40, columns = 1536;
        using var w = new TestMatrix(type, rows, columns, pool);
        foreach (var m in new[] { 1, 4, 7, 22, 70 })
        {
            var x = TestMatrix.Activations(m, columns);
            var y = new float[m * rows];
            var expected = new float[m * rows];
            MatrixProduct.Multiply(pool, w.Packed, x, y, m, workspace);
            MatrixProduct.Multiply(pool, w.Packed, x, expected, m, narrow);
            Assert.Equal(expected, y);
        }
    }

    /// <summary>The levels below the processor's best, which other processors run.</summary>
    [SkippableTheory]
    [MemberData(nameof(AllTypes))]
    public void Multiply_LevelsBelowTheBest_AgreeWithTheirTwins(TensorType type)
    {
        Skip.If(SimdLevels.Best <= SimdLevel.Portable, "the best level here is tested above");
        for (var level = SimdLevel.Portable; level < SimdLevels.Best; level++)
            AssertAgreesWithTwin(type, level);
    }

    /// <summary>The batch invariance that greedy decoding rests on: a row's result is the same bits in every company.</summary>
    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Multiply_OneToken_IsTheSameBitsInAnyBatchAndThreadCount(TensorType type)
    {
        for (var level = SimdLevel.Scalar; level <= SimdLevels.Best; level++)
            AssertSameBitsInAnyCompany(type, level);
    }

    [Fact]
    public void Multiply_ThreeMatrices_EqualsThreeProducts()
    {
        using var pool = new ComputePool(2);
        using var workspace = new MatrixWorkspace();
        const int columns = 512, m = 11;
        using var q = new TestMatrix(TensorType.Q8_0, 64, columns, pool, 1);
        using var k = new TestMatrix(TensorType.Q6_K, 24, columns, pool, 2);
        using var v = new TestMatrix(TensorType.F16, 40, columns, pool, 3);
        var x = TestMatrix.Activations(m, columns);
        var (y0, y1, y2) = (new float[m * 64], new float[m * 24], new float[m * 40]);
        MatrixProduct.Multiply(pool, q.Packed, k.Packed, v.Packed, x, y0, y1, y2, m, workspace);
        foreach (var (w, y) in new[] { (q, y0), (k, y1), (v, y2) })
        {
            var single = new float[y.Length];
            MatrixProduct.Multiply(pool, w.Packed, x, single, m, workspace);
            Assert.Equal(single, y);
        }
    }

    [Fact]
    public void Multiply_ZeroAndHugeActivations_StayDefined()
    {
        using var pool = new ComputePool(1);
        using var workspace = new MatrixWorkspace();
        foreach (var type in new[] { TensorType.F32, TensorType.Q8_0, TensorType.Q4_K })
        {
            using var w = new TestMatrix(type, 16, 256, pool);
            var y = new float[16];
            MatrixProduct.Multiply(pool, w.Packed, new float[256], y, 1, workspace);
            Assert.All(y, v => Assert.Equal(0, v));
            var x = new float[256];
            x[3] = float.PositiveInfinity;
            MatrixProduct.Multiply(pool, w.Packed, x, y, 1, workspace);
            Assert.All(y, v => Assert.False(float.IsFinite(v)));
        }
    }

    [Fact]
    public void Multiply_SpansOfOtherLengths_AreRefused()
    {
        using var pool = new ComputePool(1);
        using var workspace = new MatrixWorkspace();
        using var w = new TestMatrix(TensorType.F32, 8, 32, pool);
        using var narrow = new TestMatrix(TensorType.F32, 8, 16, pool);
        Assert.Throws<ArgumentException>(() => MatrixProduct.Multiply(pool, w.Packed, new float[31], new float[8], 1, workspace));
        Assert.Throws<ArgumentException>(() => MatrixProduct.Multiply(pool, w.Packed, new float[32], new float[9], 1, workspace));
        Assert.Throws<ArgumentException>(() => MatrixProduct.Multiply(pool, w.Packed, narrow.Packed, new float[32], new float[8], new float[8], 1, workspace));
        MatrixProduct.Multiply(pool, w.Packed, [], [], 0, workspace);
    }

    [Fact]
    public void Multiply_Warm_AllocatesNothing()
    {
        using var pool = new ComputePool(2);
        using var workspace = new MatrixWorkspace();
        using var w = new TestMatrix(TensorType.Q8_0, 64, 256, pool);
        var (x, y) = (TestMatrix.Activations(9, 256), new float[9 * 64]);
        Assert.Equal(0, Allocations.OfWarm(() => MatrixProduct.Multiply(pool, w.Packed, x, y, 9, workspace), rounds: 20));
    }

    [Fact]
    public void Pack_ShapeThatDoesNotFit_IsRefused()
    {
        using var pool = new ComputePool(1);
        using var source = NativeBuffer.Allocate(34 * 4);
        Assert.Throws<ArgumentOutOfRangeException>(() => WeightMatrix.Pack(TensorType.Q8_0, 4, 33, source.View, pool));
        Assert.Throws<ArgumentException>(() => WeightMatrix.Pack(TensorType.Q8_0, 5, 32, source.View, pool));
        Assert.Throws<OverflowException>(() => WeightMatrix.Pack(TensorType.F32, int.MaxValue, int.MaxValue, source.View, pool));
        using var w = WeightMatrix.Pack(TensorType.Q8_0, 4, 32, source.View, pool);
        Assert.Equal((4, 32, TensorType.Q8_0), (w.Rows, w.Columns, w.Type));
    }

    private static void AssertSameBitsInAnyCompany(TensorType type, SimdLevel level)
    {
        const int rows = 35, columns = 1280, most = 70;
        using var one = new ComputePool(1);
        using var many = new ComputePool(3);
        using var workspace = new MatrixWorkspace { Level = level };
        using var w = new TestMatrix(type, rows, columns, one);
        using var other = new TestMatrix(TensorType.Q8_0, 16, columns, one);
        var x = TestMatrix.Activations(most, columns);
        var alone = new float[most * rows];
        for (var t = 0; t < most; t++)
            MatrixProduct.Multiply(one, w.Packed, x.AsSpan(t * columns, columns), alone.AsSpan(t * rows, rows), 1, workspace);
        foreach (var pool in new[] { one, many })
        {
            foreach (var m in new[] { 2, 3, 4, 5, 8, 9, 17, 33, most })
            {
                // The last m tokens, so that places in the batch differ too.
                var first = most - m;
                var y = new float[m * rows];
                MatrixProduct.Multiply(pool, w.Packed, x.AsSpan(first * columns), y, m, workspace);
                Assert.Equal(alone.AsSpan(first * rows).ToArray(), y);

                var shared = new float[m * rows];
                MatrixProduct.Multiply(pool, other.Packed, w.Packed, x.AsSpan(first * columns), new float[m * 16], shared, m, workspace);
                Assert.Equal(y, shared);
            }
        }
    }

    private static void AssertAgreesWithTwin(TensorType type, SimdLevel level)
    {
        using var pool = new ComputePool(1);
        using var workspace = new MatrixWorkspace { Level = level };
        using var scalar = new MatrixWorkspace { Level = SimdLevel.Scalar, FormsOf = level };
        const int rows = 40, columns = 1536;
        using var w = new TestMatrix(type, rows, columns, pool);
        foreach (var m in new[] { 1, 2, 4, 7, 22 })
        {
            var x = TestMatrix.Activations(m, columns);
            var y = new float[m * rows];
            var twin = new float[m * rows];
            MatrixProduct.Multiply(pool, w.Packed, x, y, m, workspace);
            MatrixProduct.Multiply(pool, w.Packed, x, twin, m, scalar);
            for (var i = 0; i < y.Length; i++)
            {
                // Integer sums are equal; only roundings to single differ (fused or not), one of 2^-24 of the running sum a step.
                var size = 0f;
                for (var k = 0; k < columns; k++)
                    size += MathF.Abs(w.Decoded[i % rows * columns + k] * x[i / rows * columns + k]);
                var steps = ActivationBlock(type) == 1 ? columns : 3 * columns / 32;
                Assert.Equal(twin[i], y[i], 2 * size * MathF.Sqrt(steps) * MathF.ScaleB(1, -24) + 1e-6f);
            }
        }
    }

    /// <summary>Columns that share an activation scale; 1 where activations stay singles.</summary>
    private static int ActivationBlock(TensorType type) => type switch
    {
        TensorType.F32 or TensorType.F16 or TensorType.BF16 => 1,
        TensorType.Q4_K or TensorType.Q6_K => 256,
        _ => 32,
    };

    /// <summary>The product in double precision and how far a kernel may be from it.</summary>
    private static (double Exact, double Bound) Exact(TestMatrix w, ReadOnlySpan<float> x, int row, int activationBlock)
    {
        double sum = 0, size = 0, quantisation = 0;
        for (var begin = 0; begin < x.Length; begin += activationBlock)
        {
            var peak = 0f;
            foreach (var value in x.Slice(begin, activationBlock))
                peak = MathF.Max(peak, MathF.Abs(value));
            for (var k = begin; k < begin + activationBlock; k++)
            {
                double weight = w.Decoded[row * x.Length + k];
                sum += weight * x[k];
                size += Math.Abs(weight * x[k]);
                // An int8 activation is off by up to half of its step, peak / 127.
                quantisation += Math.Abs(weight) * peak / 254;
            }
        }
        // A sequential single-precision sum: sqrt(n) roundings of 2^-24 of the total size, with room for bad luck.
        return (sum, (activationBlock == 1 ? 0 : 1.001 * quantisation) + 4 * size * Math.Sqrt(x.Length) * Math.ScaleB(1, -24));
    }
}
