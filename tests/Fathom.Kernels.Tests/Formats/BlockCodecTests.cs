using Fathom.Kernels.Formats;

namespace Fathom.Kernels.Tests.Formats;

public class BlockCodecTests
{
    private const int Values = 256 * 64;

    public static TheoryData<TensorType> AllTypes => [.. BlockFormat.All.Select(f => f.Type)];

    /// <summary>
    /// One step of each format over a group with extremes lo &lt;= 0 &lt;= hi. Rounding to a grid of that step errs by half of it,
    /// root mean square step/√12; formats that lack the level opposite to their peak err by up to one.
    /// </summary>
    private static (int Group, Func<float, float, float> Step) Grid(TensorType type) => type switch
    {
        TensorType.Q4_0 => (32, (lo, hi) => Peak(lo, hi) / 8),
        TensorType.Q4_1 => (32, (lo, hi) => (hi - lo) / 15),
        TensorType.Q5_0 => (32, (lo, hi) => Peak(lo, hi) / 16),
        TensorType.Q5_1 => (32, (lo, hi) => (hi - lo) / 31),
        TensorType.Q8_0 => (32, (lo, hi) => Peak(lo, hi) / 127),
        TensorType.Q2_K => (16, (lo, hi) => (hi - lo) / 3),
        TensorType.Q3_K => (16, (lo, hi) => Peak(lo, hi) / 4),
        TensorType.Q4_K => (32, (lo, hi) => (hi - lo) / 15),
        TensorType.Q5_K => (32, (lo, hi) => (hi - lo) / 31),
        TensorType.Q6_K => (16, (lo, hi) => Peak(lo, hi) / 32),
        // The widest gaps: 24 of at least 113 between uneven levels, 2 (from 4 to 6, and 8 cut to 6) of at least 4 in E2M1.
        TensorType.IQ4_NL => (32, (lo, hi) => Peak(lo, hi) * 24 / 113),
        TensorType.MXFP4 => (32, (lo, hi) => MathF.ScaleB(2, (int)MathF.Floor(MathF.Log2(Peak(lo, hi))) - 2)),
        TensorType.F16 => (1, (lo, hi) => Peak(lo, hi) / 1024),
        TensorType.BF16 => (1, (lo, hi) => Peak(lo, hi) / 128),
        _ => (1, (_, _) => 0),
    };

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Decode_OfEncoded_StaysWithinTheFormatsBound(TensorType type)
    {
        var random = new Random(7);
        var x = new float[Values];
        for (var i = 0; i < x.Length; i++)
            x[i] = Gauss(random) * (1 + i / 256 % 5) + (i / 1024 % 2 == 0 ? 0 : 0.7f);
        var y = RoundTrip(type, x);

        var (group, step) = Grid(type);
        // k-quants share a quantised scale among the groups of 256 values: the coarsest group bounds all.
        var shared = Math.Max(group, BlockFormat.Get(type).ValuesPerBlock);
        double error2 = 0, bound2 = 0;
        for (var begin = 0; begin < Values; begin += shared)
        {
            var coarsest = 0f;
            for (var g = begin; g < begin + shared; g += group)
            {
                var d = step(Math.Min(0, x.AsSpan(g, group).ToArray().Min()), Math.Max(0, x.AsSpan(g, group).ToArray().Max()));
                coarsest = Math.Max(coarsest, d);
                bound2 += group * (double)d * d / 12;
            }
            for (var i = begin; i < begin + shared; i++)
            {
                // 1.5 steps: a search may cut a peak for the sake of the rest; 1/1024 of the value for half-precision scales.
                Assert.True(MathF.Abs(y[i] - x[i]) <= 1.5f * coarsest + MathF.Abs(x[i]) / 1024, $"{type} value {i}: {x[i]} became {y[i]}");
                error2 += (double)(y[i] - x[i]) * (y[i] - x[i]);
            }
        }
        // 10 % over uniform rounding, for the quantised scales.
        Assert.True(Math.Sqrt(error2) <= 1.1 * Math.Sqrt(bound2), $"{type}: rms error {Math.Sqrt(error2 / Values)}, bound {Math.Sqrt(bound2 / Values)}");
    }

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Decode_OfEncodedZeros_IsZero(TensorType type) => Assert.All(RoundTrip(type, new float[256]), v => Assert.Equal(0, v));

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Decode_OfEncodedConstant_IsNear(TensorType type)
    {
        foreach (var constant in new[] { 3f, -3f })
        {
            var x = new float[256];
            Array.Fill(x, constant);
            Assert.All(RoundTrip(type, x), v => Assert.Equal(constant, v, 0.05f));
        }
    }

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Encode_OfDecoded_IsStable(TensorType type)
    {
        // What a format can represent comes back within a step of its coarsest group, also from arbitrary bytes.
        var random = new Random(11);
        var x = new float[256];
        for (var i = 0; i < x.Length; i++)
            x[i] = Gauss(random);
        var once = RoundTrip(type, x);
        var twice = RoundTrip(type, once);
        var (_, step) = Grid(type);
        var tolerance = step(once.Min(), once.Max()) + 1e-3f;
        for (var i = 0; i < x.Length; i++)
            Assert.Equal(once[i], twice[i], tolerance);
    }

    [Fact]
    public void BrainFloat_Rounding_IsNearestEven()
    {
        float[] x = [BitConverter.UInt32BitsToSingle(0x3F808000), BitConverter.UInt32BitsToSingle(0x3F818000), BitConverter.UInt32BitsToSingle(0x3F808001), float.NaN];
        var bytes = new byte[8];
        BlockCodec.Encode(TensorType.BF16, x, bytes);
        Assert.Equal([0x80, 0x3F, 0x82, 0x3F, 0x81, 0x3F], bytes[..6]);
        Assert.True((bytes[6] & 0x7F) != 0 && (bytes[7] & 0x7F) == 0x7F);
    }

    [Fact]
    public void Lengths_ThatDoNotAgree_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => BlockCodec.Decode(TensorType.Q8_0, new byte[33], new float[32]));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockCodec.Decode(TensorType.Q8_0, new byte[34], new float[31]));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockCodec.Encode(TensorType.Q4_K, new float[32], new byte[144]));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockCodec.Decode((TensorType)99, [], []));
    }

    [Fact]
    public void RowBytes_TooManyForALong_Overflows()
    {
        Assert.Throws<OverflowException>(() => BlockFormat.Get(TensorType.F32).RowBytes(long.MaxValue / 2));
        Assert.False(BlockFormat.TryGet((TensorType)4, out _));
        Assert.Equal(34L << 30, BlockFormat.Get(TensorType.Q8_0).RowBytes(32L << 30));
    }

    private static float Peak(float lo, float hi) => Math.Max(-lo, hi);

    private static float Gauss(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));

    private static float[] RoundTrip(TensorType type, float[] x)
    {
        var bytes = new byte[BlockFormat.Get(type).RowBytes(x.Length)];
        BlockCodec.Encode(type, x, bytes);
        var y = new float[x.Length];
        BlockCodec.Decode(type, bytes, y);
        return y;
    }
}
