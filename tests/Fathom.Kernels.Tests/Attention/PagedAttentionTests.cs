using Fathom.Kernels.Attention;
using Fathom.Kernels.Normalization;
using Fathom.Kernels.Parallelism;
using Fathom.Kernels.Rotary;

namespace Fathom.Kernels.Tests.Attention;

[Trait("Category", InstructionSetTests.Kernel)]
public sealed class PagedAttentionTests
{
    // Outputs are means of values of size 1. F32: a score is a sum of d products, error about sqrt(d) 2^-24 |q||k| scale,
    // a few 1e-6, which moves weights by as much. F16: keys and values are off by 2^-12 relative each; q·k scale has
    // deviation 1.5, so scores move by about 1e-3 and outputs by less. Q8_0: steps of 1/64, off by at most 2^-7: 30 times F16.
    private static double Tolerance(KvType type) => type switch { KvType.F32 => 1e-5, KvType.F16 => 4e-3, _ => 8e-2 };

    private static AttentionOptions Plain(int headDim) => new(1 / MathF.Sqrt(headDim));

    [Theory]
    [InlineData(4, 4, 64)]
    [InlineData(8, 2, 64)]
    [InlineData(6, 2, 128)]
    [InlineData(7, 1, 32)]
    [InlineData(4, 2, 80)]
    [InlineData(2, 1, 256)]
    [InlineData(4, 2, 10)]
    [InlineData(3, 3, 2)]
    [InlineData(36, 1, 18)]
    public void Run_AnyShape_MatchesDoublePrecision(int heads, int kvHeads, int headDim)
    {
        var scenario = new AttentionScenario(1, heads, kvHeads, headDim, 37, 16, 1, 300);
        AssertMatches(scenario, Plain(headDim), Tolerance);
    }

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(1, 0, false)]
    [InlineData(20, 0, false)]
    [InlineData(256, 0, false)]
    [InlineData(300, 0, false)]
    [InlineData(0, 5, false)]
    [InlineData(33, 2, false)]
    [InlineData(0, 0, true)]
    public void Run_WindowCapAndDirection_MatchDoublePrecision(int window, float cap, bool bidirectional)
    {
        var scenario = new AttentionScenario(2, 4, 2, 32, 530, 64);
        var options = Plain(32) with { SlidingWindow = window, SoftCap = cap, Bidirectional = bidirectional };
        AssertMatches(scenario, options, Tolerance);
    }

    [Fact]
    public void Run_ScoresFarApart_StaysFinite()
    {
        var scenario = new AttentionScenario(3, 2, 1, 64, 600);
        foreach (var type in Enum.GetValues<KvType>())
        {
            var outputs = scenario.RunAlone(type, new AttentionOptions(50))[0];
            Assert.All(outputs, x => Assert.True(float.IsFinite(x)));
        }
        // At this scale weights are nearly one-hot: 2^-19 in a score of 1,000 is all that rounding may move.
        AssertMatches(scenario, new AttentionOptions(50), type => type == KvType.F32 ? 2e-3 : double.PositiveInfinity);
    }

    [Theory]
    [InlineData(KvType.F32, 8, 2, 64, 0, 0)]
    [InlineData(KvType.F16, 8, 2, 64, 0, 0)]
    [InlineData(KvType.F16, 3, 3, 80, 0, 0)]
    [InlineData(KvType.F16, 14, 2, 64, 40, 0)]
    [InlineData(KvType.Q8_0, 6, 1, 96, 0, 20)]
    [InlineData(KvType.Q8_0, 4, 4, 32, 270, 0)]
    public void Run_AnyCutBatchAndThreads_GivesTheSameBits(
        KvType type, int heads, int kvHeads, int headDim, int window, float cap)
    {
        var scenario = new AttentionScenario(4, heads, kvHeads, headDim, 530, 45, 272, 1);
        var options = Plain(headDim) with { SlidingWindow = window, SoftCap = cap };
        foreach (var width in VectorWidths.Supported)
        {
            var expected = scenario.RunAlone(type, options, width: width);
            foreach (var (threads, seed) in width == VectorWidths.Best ? new[] { (1, 1), (2, 2), (3, 3) } : [(3, 1)])
                AssertSameBits(scenario, expected, RunInRandomBatches(scenario, type, options, threads, seed, width));
        }
    }

    [SkippableTheory]
    [InlineData(KvType.F32, 10, 1, 64)]
    [InlineData(KvType.F16, 8, 1, 48)]
    [InlineData(KvType.F16, 6, 2, 80)]
    [InlineData(KvType.F16, 33, 3, 32)]
    [InlineData(KvType.Q8_0, 7, 1, 96)]
    public void Run_AnyWidthOfVectors_GivesTheSameBits(KvType type, int heads, int kvHeads, int headDim)
    {
        Skip.If(VectorWidths.Supported.Count < 3, "needs two widths of vectors: AVX2 and its halves, or AVX-512");
        var scenario = new AttentionScenario(9, heads, kvHeads, headDim, 300, 17, 1);
        var options = Plain(headDim) with { SlidingWindow = 270 };
        var expected = scenario.RunAlone(type, options, width: VectorWidths.Supported[1]);
        foreach (var width in VectorWidths.Supported.Skip(2))
            AssertSameBits(scenario, expected, scenario.RunAlone(type, options, width: width));
    }

    [Fact]
    public void Run_TokenByTokenAndWhole_GivesTheSameBits()
    {
        var scenario = new AttentionScenario(5, 8, 2, 64, 530);
        var options = Plain(64);
        var expected = scenario.RunAlone(KvType.F16, options)[0];
        using var pool = new ComputePool(3);
        using var attention = scenario.Create(pool);
        using var kv = scenario.CreateStorage(KvType.F16);
        for (var p = 0; p < 530; p++)
        {
            var outputs = scenario.Step(attention, kv, options, (0, p, 1));
            Assert.True(outputs.AsSpan().SequenceEqual(expected.AsSpan(p * outputs.Length, outputs.Length)), $"position {p}");
        }
    }

    [Fact]
    public void Run_BlocksOfOthersHoldNaN_AreNotRead()
    {
        var scenario = new AttentionScenario(6, 4, 2, 32, 20, 20);
        foreach (var type in new[] { KvType.F32, KvType.F16 })
        {
            using var pool = new ComputePool(1);
            using var attention = scenario.Create(pool);
            using var kv = scenario.CreateStorage(type);
            var clean = scenario.Step(attention, kv, Plain(32), (0, 0, 17));
            var poison = Enumerable.Repeat(float.NaN, 3 * 2 * 32).ToArray();
            attention.SetBatch([new AttentionSequence(0, 3, 17, 0, 2)], scenario.BlockTable(0));
            attention.Append(kv, 0, poison, poison);
            var again = scenario.Step(attention, kv, Plain(32), (0, 0, 17));
            Assert.Equal(clean, again);
        }
    }

    [Fact]
    public void TransformAndAppend_EqualsItsSteps()
    {
        var scenario = new AttentionScenario(7, 4, 2, 32, 40);
        var frequencies = RotaryFrequencies.Create(24, 10000, RotaryLayout.HalfSplit);
        var table = new RotaryTable(frequencies);
        table.SetPositions(Enumerable.Range(0, 40).ToArray());
        var norm = AttentionScenario.Normals(new Random(1), 32, 1);
        float[] q = [.. scenario.Queries(0)], k = [.. scenario.Keys(0)];
        float[] expectedQ = [.. q], expectedK = [.. k];
        RmsNorm.Apply(expectedQ, norm, 1e-6f, expectedQ);
        RmsNorm.Apply(expectedK, norm, 1e-6f, expectedK);
        table.Apply(expectedQ, 4, 32);
        table.Apply(expectedK, 2, 32);

        using var pool = new ComputePool(2);
        using var attention = scenario.Create(pool);
        using var fused = scenario.CreateStorage(KvType.F32);
        using var stepwise = scenario.CreateStorage(KvType.F32);
        attention.SetBatch([new AttentionSequence(0, 40, 0, 0, 3)], scenario.BlockTable(0));
        var transform = new QueryKeyTransform { QueryNorm = norm, KeyNorm = norm, NormEpsilon = 1e-6f, Rotary = table };
        attention.TransformAndAppend(fused, 0, q, k, scenario.Values(0), transform);
        attention.Append(stepwise, 0, expectedK, scenario.Values(0));
        Assert.Equal(expectedQ, q);
        Assert.Equal(expectedK, k);
        float[] a = new float[q.Length], b = new float[q.Length];
        attention.Run(fused, 0, q, a, Plain(32));
        attention.Run(stepwise, 0, q, b, Plain(32));
        Assert.Equal(a, b);
    }

    [Fact]
    public void Calls_OnceWarm_AllocateNothing()
    {
        var scenario = new AttentionScenario(8, 8, 2, 64, 1200);
        using var pool = new ComputePool(2);
        using var attention = scenario.Create(pool);
        using var kv = scenario.CreateStorage(KvType.F16);
        AttentionSequence[] prompt = [new(0, 1200, 0, 0, 75)], decode = [new(0, 1, 1199, 0, 75)];
        var table = scenario.BlockTable(0);
        var outputs = new float[scenario.Queries(0).Length];

        Assert.Equal(0, Allocations.OfWarm(Round));

        void Round()
        {
            attention.SetBatch(prompt, table);
            attention.TransformAndAppend(kv, 0, scenario.Queries(0), scenario.Keys(0), scenario.Values(0), default);
            attention.Run(kv, 0, scenario.Queries(0), outputs, Plain(64));
            attention.SetBatch(decode, table);
            attention.Append(kv, 0, scenario.Keys(0).AsSpan(0, 128), scenario.Values(0).AsSpan(0, 128));
            attention.Run(kv, 0, scenario.Queries(0).AsSpan(0, 512), outputs.AsSpan(0, 512), Plain(64));
        }
    }

    [Fact]
    public void Calls_WithWhatDoesNotFit_AreRefused()
    {
        using var pool = new ComputePool(1);
        Assert.Throws<ArgumentException>(() => new PagedAttention(pool, 6, 4, 64));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PagedAttention(pool, 4, 4, 63));
        using var attention = new PagedAttention(pool, 4, 2, 8);
        using var kv = new KvStorage(1, 2, 2, 8, KvType.F16);
        using var other = new KvStorage(1, 2, 2, 16, KvType.F16);
        Assert.Throws<ArgumentException>(() => attention.SetBatch([new AttentionSequence(0, 17, 0, 0, 1)], [0]));
        Assert.Throws<ArgumentException>(() => attention.SetBatch([new AttentionSequence(0, 1, 0, 0, 2)], [0]));
        Assert.Throws<ArgumentException>(() => attention.SetBatch([new AttentionSequence(1, 1, 0, 0, 1)], [0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => attention.SetBatch([new AttentionSequence(0, 1, 0, 0, 1)], [-1]));
        attention.SetBatch([new AttentionSequence(0, 1, 0, 0, 1)], [2]);
        Assert.Throws<ArgumentException>(() => attention.Append(kv, 0, new float[16], new float[16]));
        attention.SetBatch([new AttentionSequence(0, 1, 0, 0, 1)], [1]);
        Assert.Throws<ArgumentException>(() => attention.Append(other, 0, new float[16], new float[16]));
        Assert.Throws<ArgumentException>(() => attention.Append(kv, 0, new float[8], new float[16]));
        Assert.Throws<ArgumentOutOfRangeException>(() => attention.Append(kv, 1, new float[16], new float[16]));
        Assert.Throws<ArgumentException>(() => attention.Run(kv, 0, new float[32], new float[31], new AttentionOptions(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => attention.Run(kv, 0, new float[32], new float[32], default));
    }

    private static void AssertMatches(AttentionScenario scenario, AttentionOptions options, Func<KvType, double> tolerance)
    {
        var expected = scenario.Lengths.Select((_, s) => scenario.Reference(s, options)).ToArray();
        foreach (var type in Enum.GetValues<KvType>())
        {
            foreach (var width in VectorWidths.Supported)
            {
                var outputs = scenario.RunAlone(type, options, width: width);
                for (var s = 0; s < outputs.Length; s++)
                {
                    var worst = outputs[s].Zip(expected[s], (a, b) => Math.Abs(a - b)).Max();
                    Assert.True(worst <= tolerance(type), $"{type}, {width}, sequence {s}: off by {worst:g3}");
                }
            }
        }
    }

    private static float[][] RunInRandomBatches(
        AttentionScenario scenario, KvType type, AttentionOptions options, int threads, int seed, VectorWidth width)
    {
        var random = new Random(seed);
        using var pool = new ComputePool(threads);
        using var attention = scenario.Create(pool, width);
        using var kv = scenario.CreateStorage(type);
        var results = scenario.Lengths.Select(n => new float[n * scenario.Heads * scenario.HeadDim]).ToArray();
        var done = new int[scenario.Lengths.Length];
        while (Enumerable.Range(0, done.Length).Where(s => done[s] < scenario.Lengths[s]).ToArray() is { Length: > 0 } open)
        {
            random.Shuffle(open);
            var chosen = open.Take(random.Next(1, open.Length + 1)).ToArray();
            var parts = chosen
                .Select(s => (s, done[s], Math.Min(scenario.Lengths[s] - done[s], random.Next(4) == 0 ? 1 : random.Next(1, 200))))
                .ToArray();
            var outputs = scenario.Step(attention, kv, options, parts);
            var at = 0;
            foreach (var (s, first, count) in parts)
            {
                var stride = scenario.Heads * scenario.HeadDim;
                outputs.AsSpan(at, count * stride).CopyTo(results[s].AsSpan(first * stride));
                at += count * stride;
                done[s] += count;
            }
        }
        return results;
    }

    private static void AssertSameBits(AttentionScenario scenario, float[][] expected, float[][] actual)
    {
        for (var s = 0; s < expected.Length; s++)
        {
            for (var i = 0; i < expected[s].Length; i++)
            {
                if (BitConverter.SingleToInt32Bits(expected[s][i]) != BitConverter.SingleToInt32Bits(actual[s][i]))
                    Assert.Fail($"sequence {s}, position {i / (scenario.Heads * scenario.HeadDim)}, value {i}: {expected[s][i]:r} {actual[s][i]:r}");
            }
        }
    }
}
