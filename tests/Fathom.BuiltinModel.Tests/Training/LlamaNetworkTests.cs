using Fathom.BuiltinModel.Training;

namespace Fathom.BuiltinModel.Tests.Training;

public sealed class LlamaNetworkTests
{
    private static readonly NetworkShape s_shape = new() { Vocabulary = 48, Layers = 2, Hidden = 32, FeedForward = 48, Heads = 4, KvHeads = 2, Context = 128 };

    [Fact]
    public void Backward_EveryParameter_MatchesFiniteDifferences()
    {
        var weights = new NetworkWeights(s_shape);
        weights.Initialise(5);
        TokenBatch batch = Batch(new SeededRandom(6), [70, 5, 40]);
        var network = new LlamaNetwork(s_shape, weights, 128, 2);
        var gradients = new NetworkWeights(s_shape);
        network.Loss(batch);
        network.Backward(batch, gradients);

        var random = new SeededRandom(7);
        foreach (NetworkParameter parameter in weights.Parameters)
        {
            // Along the gradient's own signs the slope is the sum of magnitudes, far above f32 noise; a random direction guards the signs.
            float[] gradient = gradients.Values(parameter).ToArray();
            float[] along = [.. gradient.Select(g => (float)Math.Sign(g))];
            float[] anywhere = [.. gradient.Select(g => (float)Math.Sign(g) * (random.Chance(0.8) ? 1 : -1))];
            foreach (float[] direction in (float[][])[along, anywhere])
            {
                double expected = gradient.Zip(direction, (g, d) => (double)g * d).Sum();
                double length = Math.Abs(expected) / gradient.Length;
                float step = (float)Math.Min(2e-3, 0.005 / Math.Max(1e-9, length * gradient.Length));
                double Difference(float h) => LossAt(network, weights, parameter, direction, h, batch) - LossAt(network, weights, parameter, direction, -h, batch);
                double measured = ((8 * Difference(step)) - Difference(2 * step)) / (12.0 * step);
                Assert.True(Math.Abs(measured - expected) < (0.01 * Math.Abs(expected)) + 1e-4, $"{parameter.Name}: measured {measured}, gradient says {expected}");
            }
        }
    }

    [Fact]
    public void LossAndBackward_AnyNumberOfThreads_SameBits()
    {
        TokenBatch batch = Batch(new SeededRandom(8), [100, 28, 60, 3]);
        float[]? first = null;
        double firstLoss = 0;
        foreach (int threads in (int[])[1, 2, 5])
        {
            var weights = new NetworkWeights(s_shape);
            weights.Initialise(9);
            var gradients = new NetworkWeights(s_shape);
            var network = new LlamaNetwork(s_shape, weights, 256, threads);
            var optimizer = new Optimizer(s_shape, weights, threads);
            double loss = 0;
            for (int step = 1; step <= 3; step++)
            {
                loss = network.Loss(batch);
                network.Backward(batch, gradients);
                optimizer.Step(gradients, step, 1e-2);
            }

            if (first is null)
                (first, firstLoss) = (weights.Flat.Span.ToArray(), loss);
            Assert.Equal(firstLoss, loss);
            Assert.True(weights.Flat.Span.SequenceEqual(first));
        }
    }

    [Fact]
    public void Forward_DocumentInABatch_SameLogitsAsAlone()
    {
        var weights = new NetworkWeights(s_shape);
        weights.Initialise(10);
        TokenBatch batch = Batch(new SeededRandom(11), [30, 50, 20]);
        var network = new LlamaNetwork(s_shape, weights, 128, 2);
        network.Forward(batch.Tokens, batch.DocumentStarts);
        float[] together = network.Logits.Span.Slice(30 * s_shape.Vocabulary, 50 * s_shape.Vocabulary).ToArray();
        network.Forward(batch.Tokens.AsSpan(30, 50), [0, 50]);
        Assert.True(network.Logits.Span[..together.Length].SequenceEqual(together));
    }

    [Fact]
    public void Forward_LaterToken_DoesNotChangeEarlierLogits()
    {
        var weights = new NetworkWeights(s_shape);
        weights.Initialise(12);
        TokenBatch batch = Batch(new SeededRandom(13), [90]);
        var network = new LlamaNetwork(s_shape, weights, 128, 1);
        network.Forward(batch.Tokens, [0, 90]);
        float[] before = network.Logits.Span[..(89 * s_shape.Vocabulary)].ToArray();
        batch.Tokens[89] = (batch.Tokens[89] + 1) % s_shape.Vocabulary;
        network.Forward(batch.Tokens, [0, 90]);
        Assert.True(network.Logits.Span[..before.Length].SequenceEqual(before));
    }

    [Fact]
    public void Forward_TokenOutsideTheVocabulary_Throws()
    {
        var network = new LlamaNetwork(s_shape, new NetworkWeights(s_shape), 16, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => network.Forward([s_shape.Vocabulary], [0, 1]));
    }

    internal static TokenBatch Batch(SeededRandom random, int[] lengths)
    {
        int count = lengths.Sum();
        int[] starts = [0, .. lengths.Select((_, i) => lengths.Take(i + 1).Sum())];
        int[] tokens = [.. Enumerable.Range(0, count).Select(_ => random.Next(s_shape.Vocabulary))];
        float[] weights = [.. Enumerable.Range(0, count).Select(t => starts.Contains(t + 1) ? 0f : 1f + random.Next(2))];
        return new TokenBatch { Tokens = tokens, Targets = [.. tokens.Skip(1), 0], Weights = weights, IsAnswer = new bool[count], DocumentStarts = starts };
    }

    private static double LossAt(LlamaNetwork network, NetworkWeights weights, NetworkParameter parameter, float[] direction, float step, TokenBatch batch)
    {
        Span<float> values = weights.Values(parameter);
        float[] kept = values.ToArray();
        for (int i = 0; i < values.Length; i++)
            values[i] += step * direction[i];
        double loss = network.Loss(batch);
        kept.CopyTo(values);
        return loss;
    }
}
