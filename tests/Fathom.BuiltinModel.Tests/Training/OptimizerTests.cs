using Fathom.BuiltinModel.Training;

namespace Fathom.BuiltinModel.Tests.Training;

public sealed class OptimizerTests
{
    private static readonly NetworkShape s_shape = new() { Vocabulary = 16, Layers = 1, Hidden = 16, FeedForward = 16, Heads = 2, KvHeads = 1 };

    [Fact]
    public void Step_EmbeddingsAndNorms_FollowAdamWInDouble()
    {
        var weights = new NetworkWeights(s_shape);
        weights.Initialise(1);
        double[] w = [.. weights.Flat.Span.ToArray().Select(x => (double)x)], m = new double[w.Length], v = new double[w.Length];
        bool[] decays = new bool[w.Length];
        foreach (NetworkParameter p in weights.Parameters)
            Array.Fill(decays, !p.IsNorm, p.Offset, p.Count);
        var gradients = new NetworkWeights(s_shape);
        var optimizer = new Optimizer(s_shape, weights, 2);
        var random = new SeededRandom(2);
        for (int step = 1; step <= 4; step++)
        {
            double[] g = [.. w.Select(_ => random.NextNormal() * 0.1)];
            double norm = Math.Sqrt(g.Sum(x => x * x));
            for (int i = 0; i < w.Length; i++)
            {
                gradients.Flat.Span[i] = (float)g[i];
                double clipped = g[i] * Math.Min(1, 1 / norm);
                m[i] = (0.9 * m[i]) + (0.1 * clipped);
                v[i] = (0.98 * v[i]) + (0.02 * clipped * clipped);
                double update = m[i] / (1 - Math.Pow(0.9, step)) / (Math.Sqrt(v[i] / (1 - Math.Pow(0.98, step))) + 1e-8);
                w[i] = (w[i] * (decays[i] ? 1 - (0.01 * 0.1) : 1)) - (0.01 * update);
            }

            Assert.Equal(norm, optimizer.Step(gradients, step, 0.01), norm * 1e-5);
            Assert.All(gradients.Flat.Span.ToArray(), x => Assert.Equal(0f, x));
        }

        foreach (NetworkParameter p in weights.Parameters.Where(p => !p.IsHiddenMatrix))
        {
            for (int i = p.Offset; i < p.Offset + p.Count; i++)
                Assert.Equal(w[i], weights.Flat.Span[i], 1e-5);
        }
    }

    [Fact]
    public void Step_HiddenMatrices_MoveByNearlyOrthogonalUpdates()
    {
        var weights = new NetworkWeights(s_shape);
        var gradients = new NetworkWeights(s_shape);
        var random = new SeededRandom(3);
        foreach (NetworkParameter parameter in weights.Parameters.Where(p => p.IsHiddenMatrix))
        {
            foreach (ref float g in gradients.Values(parameter))
                g = (float)random.NextNormal();
        }

        new Optimizer(s_shape, weights, 2).Step(gradients, 1, 0.01);
        foreach (NetworkParameter parameter in weights.Parameters.Where(p => p.IsHiddenMatrix))
        {
            // From zero weights, W is the update: the products of its rows, in units of the step, are near those of an orthogonal matrix.
            int rows = Math.Min(parameter.Rows, parameter.Columns), columns = Math.Max(parameter.Rows, parameter.Columns);
            bool wide = parameter.Rows == rows;
            double scale = 0.01 * 0.2 * Math.Sqrt(columns), trace = 0;
            for (int i = 0; i < rows; i++)
            {
                for (int j = 0; j < columns; j++)
                {
                    double value = weights.Values(parameter)[wide ? (i * columns) + j : (j * rows) + i] / scale;
                    trace += value * value;
                }
            }

            // Five iterations leave singular values between 0.7 and 1.2, except those that began near zero.
            Assert.InRange(trace / rows, 0.4, 1.3);
        }

        Assert.All(gradients.Flat.Span.ToArray(), g => Assert.Equal(0f, g));
    }

    [Fact]
    public void LearningRate_RisesStaysAndFalls()
    {
        var plan = new TrainingPlan { Steps = 1000, WarmupSteps = 100, DecaySteps = 400, PeakLearningRate = 1e-3 };
        Assert.Equal(1e-5, plan.LearningRate(1), 1e-9);
        Assert.Equal(1e-3, plan.LearningRate(100), 1e-9);
        Assert.Equal(1e-3, plan.LearningRate(600), 1e-9);
        Assert.Equal(5e-4, plan.LearningRate(800), 1e-9);
        Assert.Equal(0, plan.LearningRate(1000), 1e-9);
    }
}
