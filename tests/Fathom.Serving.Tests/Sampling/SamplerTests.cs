using Fathom.Serving.Sampling;

namespace Fathom.Serving.Tests.Sampling;

public class SamplerTests
{
    private static readonly int[] Prompt = [3, 7, 7, 60];
    private static readonly int[] Output = [5, 5, 9, 7];

    public static TheoryData<string, SamplingParameters> Parameters => new()
    {
        { "plain", new SamplingParameters() },
        { "hot", new SamplingParameters { Temperature = 1.7f } },
        { "cold", new SamplingParameters { Temperature = 0.3f } },
        { "top-k", new SamplingParameters { TopK = 7 } },
        { "top-k of 1", new SamplingParameters { TopK = 1 } },
        { "top-k beyond the vocabulary", new SamplingParameters { TopK = 5000 } },
        { "top-p", new SamplingParameters { TopP = 0.7f } },
        { "tiny top-p", new SamplingParameters { TopP = 1e-6f } },
        { "min-p", new SamplingParameters { MinP = 0.2f } },
        { "typical", new SamplingParameters { TypicalP = 0.6f } },
        { "top-k and top-p", new SamplingParameters { TopK = 20, TopP = 0.8f, Temperature = 0.9f } },
        { "all truncations", new SamplingParameters { TopK = 40, TypicalP = 0.9f, TopP = 0.9f, MinP = 0.05f, Temperature = 1.2f } },
        { "repetition", new SamplingParameters { RepetitionPenalty = 1.5f } },
        { "presence and frequency", new SamplingParameters { PresencePenalty = 0.8f, FrequencyPenalty = 0.5f } },
        { "negative penalties", new SamplingParameters { PresencePenalty = -1, FrequencyPenalty = -0.5f, RepetitionPenalty = 0.8f } },
        { "bias", new SamplingParameters { LogitBias = new Dictionary<int, float> { [4] = 5, [11] = -100, [3] = 1 } } },
        { "everything", new SamplingParameters { TopK = 30, TopP = 0.9f, MinP = 0.02f, RepetitionPenalty = 1.2f, PresencePenalty = 0.3f, LogitBias = new Dictionary<int, float> { [8] = 3 } } },
    };

    [Theory]
    [MemberData(nameof(Parameters))]
    public void Draw_ManySeeds_FollowsTheDistribution(string name, SamplingParameters parameters)
    {
        Assert.NotEmpty(name);
        const int Draws = 20_000;
        float[] logits = Logits(seed: 11, length: 103);
        double[] expected = DistributionOracle.Probabilities(logits, parameters, Prompt, Output, out _);
        var counts = new int[logits.Length];
        var sampler = new Sampler(logits.Length);
        var row = new float[logits.Length];
        for (uint seed = 0; seed < Draws; seed++)
        {
            logits.CopyTo(row, 0);
            counts[sampler.Draw(row, State(parameters, seed), [])]++;
        }

        double chiSquare = 0, restExpected = 0, restCount = 0;
        int cells = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            if (expected[i] == 0)
                Assert.Equal(0, counts[i]);
            if (expected[i] * Draws < 8)
            {
                restExpected += expected[i] * Draws;
                restCount += counts[i];
                continue;
            }

            cells++;
            chiSquare += Math.Pow(counts[i] - (expected[i] * Draws), 2) / (expected[i] * Draws);
        }

        if (restExpected >= 8)
        {
            cells++;
            chiSquare += Math.Pow(restCount - restExpected, 2) / restExpected;
        }

        // Wilson and Hilferty's approximation of the 99.99th percentile.
        int freedom = Math.Max(1, cells - 1);
        double spread = 2.0 / (9 * freedom);
        double limit = freedom * Math.Pow(1 - spread + (3.72 * Math.Sqrt(spread)), 3);
        Assert.InRange(chiSquare, 0, limit);
    }

    [Fact]
    public void Draw_RandomRows_KeepsExactlyTheTokensOfTheOracle()
    {
        var random = new Random(17);
        int compared = 0;
        for (int trial = 0; trial < 400; trial++)
        {
            int length = 1 + random.Next(700);
            float[] logits = Logits(trial, length);
            var parameters = new SamplingParameters
            {
                Temperature = 0.3f + random.NextSingle(),
                TopK = random.Next(2) * random.Next(length + 5),
                TopP = random.Next(2) == 0 ? 1 : 0.05f + (0.9f * random.NextSingle()),
                MinP = random.Next(2) * 0.3f * random.NextSingle(),
                TypicalP = random.Next(3) > 0 ? 1 : 0.05f + (0.9f * random.NextSingle()),
            };
            double[] expected = DistributionOracle.Probabilities(logits, parameters, [], [], out double gap);
            // Where a boundary falls within rounding of a token, single and double precision may part.
            if (gap < 1e-5)
                continue;
            compared++;
            var sampler = new Sampler(length);
            var row = new float[length];
            HashSet<int> seen = [];
            for (uint seed = 0; seed < 64; seed++)
            {
                logits.CopyTo(row, 0);
                int token = sampler.Draw(row, new DrawState(parameters, seed, 0, default), []);
                Assert.True(expected[token] > 0, $"trial {trial}: token {token} was drawn and must not be");
                seen.Add(token);
            }

            double likeliest = expected.Max();
            if (likeliest > 0.5)
                Assert.Contains(Array.IndexOf(expected, likeliest), seen);
        }

        Assert.True(compared > 300);
    }

    [Fact]
    public void Draw_TemperatureZero_TakesTheLargestAndOfSeveralTheFirst()
    {
        var sampler = new Sampler(40);
        var row = new float[40];
        row[17] = row[23] = 2;

        Assert.Equal(17, sampler.Draw(row, State(SamplingParameters.Greedy, 0), []));
    }

    [Fact]
    public void Draw_ExcludedToken_IsNeverDrawn()
    {
        var sampler = new Sampler(40);
        foreach (float temperature in (float[])[0, 1])
        {
            for (uint seed = 0; seed < 50; seed++)
            {
                var row = new float[40];
                row[6] = 50;
                Assert.NotEqual(6, sampler.Draw(row, State(new SamplingParameters { Temperature = temperature }, seed), [6]));
            }
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Draw_LogitThatIsNoNumber_GivesNoToken(float bad)
    {
        foreach (SamplingParameters parameters in (SamplingParameters[])[new(), new() { TopK = 5 }, new() { TopP = 0.5f }])
        {
            var row = new float[33];
            row[20] = bad;
            Assert.Equal(Sampler.NoToken, new Sampler(33).Draw(row, State(parameters, 1), []));
        }
    }

    [Fact]
    public void Draw_EveryTokenExcluded_GivesNoToken()
    {
        foreach (float temperature in (float[])[0, 1])
            Assert.Equal(Sampler.NoToken, new Sampler(3).Draw(new float[3], State(new SamplingParameters { Temperature = temperature }, 1), [0, 1, 2]));
    }

    [Fact]
    public void Draw_SameSeedChoiceAndPlace_IsTheSameToken()
    {
        float[] logits = Logits(1, 500);
        var draws = new HashSet<(int, int)>();
        for (int choice = 0; choice < 3; choice++)
        {
            for (int repeat = 0; repeat < 3; repeat++)
                draws.Add((choice, new Sampler(500).Draw([.. logits], new DrawState(new SamplingParameters(), 5, choice, default), [])));
        }

        Assert.Equal(3, draws.Count);
    }

    [Fact]
    public void Draw_Warm_AllocatesNothing()
    {
        var sampler = new Sampler(1000);
        float[] logits = Logits(3, 1000);
        var row = new float[1000];
        DrawState[] states = [.. Parameters.Select(data => State((SamplingParameters)data[1], 4))];

        // Enumerating a bias given through its interface boxes one enumerator.
        Assert.InRange(Allocations.OfWarm(DrawAll), 0, 256);

        void DrawAll()
        {
            foreach (DrawState state in states)
            {
                logits.CopyTo(row, 0);
                sampler.Draw(row, state, []);
            }
        }
    }

    private static DrawState State(SamplingParameters parameters, ulong seed)
    {
        var state = new DrawState(parameters, seed, 0, Prompt);
        foreach (int token in Output)
            state.Add(token);
        return state;
    }

    private static float[] Logits(int seed, int length)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (float)((random.NextDouble() * 7) - 3.5))];
    }
}
