using System.Collections.Concurrent;
using System.Runtime.Intrinsics;

namespace Fathom.BuiltinModel.Training;

/// <summary>
/// One update of all weights: gradients are clipped by their global norm; the layers' matrices follow <see cref="Muon"/>, embeddings and
/// norms AdamW (Loshchilov and Hutter 2019). Decay applies to matrices and embeddings, not to norms.
/// </summary>
internal sealed unsafe class Optimizer(NetworkShape shape, NetworkWeights weights, int threads)
{
    private const float Beta1 = 0.9f;
    private const float Beta2 = 0.98f;
    private const float Epsilon = 1e-8f;
    private const float Decay = 0.1f;
    private const double NormMax = 1.0;

    // Fixed, so that the norm's partial sums are the same for any number of threads; a multiple of the vector width.
    private const int Piece = 16384;

    private readonly ParallelOptions _parallel = new() { MaxDegreeOfParallelism = threads };
    private readonly double[] _partial = new double[(weights.Flat.Count + Piece - 1) / Piece];
    private readonly ConcurrentBag<Muon> _muons = [];

    /// <summary>AdamW's first moment, and Muon's momentum.</summary>
    public NetworkWeights First { get; } = new(shape);

    /// <summary>AdamW's second moment.</summary>
    public NetworkWeights Second { get; } = new(shape);

    /// <summary>Updates the weights with the gradients, clears these, and returns their norm before clipping.</summary>
    /// <param name="gradients">Gradient of each weight.</param>
    /// <param name="step">Number of this update, from 1, for bias correction.</param>
    /// <param name="learningRate">Step size of AdamW and, scaled as it asks, of Muon.</param>
    public double Step(NetworkWeights gradients, int step, double learningRate)
    {
        double norm = Norm(gradients);
        float clip = norm > NormMax ? (float)(NormMax / norm) : 1f;
        double correction1 = 1 - Math.Pow(Beta1, step), correction2 = 1 - Math.Pow(Beta2, step);
        float rate = (float)(learningRate / correction1), secondScale = (float)(1 / correction2);
        Parallel.For(0, weights.Parameters.Count, _parallel, index =>
        {
            NetworkParameter parameter = weights.Parameters[index];
            if (parameter.IsHiddenMatrix)
            {
                if (!_muons.TryTake(out Muon? muon))
                    muon = new Muon(shape);
                muon.Step(parameter, weights.Values(parameter), gradients.Values(parameter), First.Values(parameter), clip, learningRate);
                _muons.Add(muon);
                return;
            }

            float shrink = parameter.IsNorm ? 1f : (float)(1 - (learningRate * Decay));
            UpdateAdam(gradients, parameter.Offset, parameter.Offset + parameter.Count, clip, shrink, rate, secondScale);
        });
        return norm;
    }

    private double Norm(NetworkWeights gradients)
    {
        int count = weights.Flat.Count;
        Parallel.For(0, _partial.Length, _parallel, piece =>
        {
            double sum = 0;
            foreach (float g in gradients.Flat.Span[(piece * Piece)..Math.Min(count, (piece + 1) * Piece)])
                sum += (double)g * g;
            _partial[piece] = sum;
        });
        double norm = 0;
        foreach (double sum in _partial)
            norm += sum;
        return Math.Sqrt(norm);
    }

    private void UpdateAdam(NetworkWeights gradients, int begin, int end, float clip, float shrink, float rate, float secondScale)
    {
        // SAFETY: begin and end lie inside the flat vectors, which have one length; every parameter's count is a multiple of 16.
        float* w = weights.Flat.Pointer, g = gradients.Flat.Pointer, m = First.Flat.Pointer, v = Second.Flat.Pointer;
        for (int i = begin; i < end; i += Vector512<float>.Count)
        {
            Vector512<float> gradient = Vector512.Load(g + i) * clip;
            Vector512<float> first = (Vector512.Load(m + i) * Beta1) + (gradient * (1 - Beta1));
            Vector512<float> second = (Vector512.Load(v + i) * Beta2) + (gradient * gradient * (1 - Beta2));
            Vector512<float> divisor = Vector512.Sqrt(second * secondScale) + Vector512.Create(Epsilon);
            ((Vector512.Load(w + i) * shrink) - (first * rate / divisor)).Store(w + i);
            first.Store(m + i);
            second.Store(v + i);
            Vector512<float>.Zero.Store(g + i);
        }
    }
}
