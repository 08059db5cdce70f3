using System.Numerics;
using System.Runtime.InteropServices;

namespace Fathom.Serving.Sampling;

/// <summary>Passes over one row of logits. Results do not depend on where the row lies in memory.</summary>
internal static class LogitRow
{
    /// <summary>Weights in one of the partial sums of <see cref="Exponentials"/>.</summary>
    public const int PartialWeights = 64;

    /// <summary>The largest value; NaN if there is one among them.</summary>
    public static float Max(ReadOnlySpan<float> row)
    {
        ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(row);
        float max = float.NegativeInfinity;
        if (vectors.Length > 0)
        {
            // Each lane holds the maximum of its own column.
            Vector<float> lanes = vectors[0];
            for (int i = 1; i < vectors.Length; i++)
                lanes = Vector.Max(lanes, vectors[i]);
            for (int i = 0; i < Vector<float>.Count; i++)
                max = MathF.Max(max, lanes[i]);
        }

        foreach (float value in row[(vectors.Length * Vector<float>.Count)..])
            max = MathF.Max(max, value);
        return max;
    }

    /// <summary>Index of the largest value, the lowest of several; -1 when the row has a NaN or nothing but negative infinity.</summary>
    public static int ArgMax(ReadOnlySpan<float> row)
    {
        float max = Max(row);
        return float.IsNegativeInfinity(max) ? -1 : row.IndexOf(max) is var index && !float.IsNaN(max) ? index : -1;
    }

    /// <summary>weights[i] = exp((row[i] - max) · scale).</summary>
    /// <param name="row">Logits.</param>
    /// <param name="max">Their maximum.</param>
    /// <param name="scale">One over the temperature.</param>
    /// <param name="weights">As long as the row; may be the row itself.</param>
    /// <param name="partials">Sum of each <see cref="PartialWeights"/> weights.</param>
    /// <returns>The sum of the partial sums; NaN if a logit is NaN or positive infinity.</returns>
    public static double Exponentials(ReadOnlySpan<float> row, float max, float scale, Span<float> weights, Span<double> partials)
    {
        double total = 0;
        for (int start = 0, part = 0; start < row.Length; start += PartialWeights, part++)
        {
            int length = Math.Min(PartialWeights, row.Length - start);
            partials[part] = ExponentialsOfPart(row.Slice(start, length), max, scale, weights.Slice(start, length));
            total += partials[part];
        }

        return total;
    }

    /// <summary>log Σ exp(row[i]).</summary>
    public static double LogSumExp(ReadOnlySpan<float> row)
    {
        float max = Max(row);
        if (float.IsNegativeInfinity(max))
            return double.NegativeInfinity;
        Span<float> scratch = stackalloc float[PartialWeights];
        double total = 0;
        for (int start = 0; start < row.Length; start += PartialWeights)
        {
            int length = Math.Min(PartialWeights, row.Length - start);
            total += ExponentialsOfPart(row.Slice(start, length), max, 1, scratch[..length]);
        }

        return max + Math.Log(total);
    }

    private static double ExponentialsOfPart(ReadOnlySpan<float> row, float max, float scale, Span<float> weights)
    {
        ReadOnlySpan<Vector<float>> source = MemoryMarshal.Cast<float, Vector<float>>(row);
        Span<Vector<float>> target = MemoryMarshal.Cast<float, Vector<float>>(weights);
        var shift = new Vector<float>(max);
        var factor = new Vector<float>(scale);
        Vector<float> lanes = Vector<float>.Zero;
        for (int i = 0; i < source.Length; i++)
        {
            Vector<float> weight = Vector.Exp((source[i] - shift) * factor);
            target[i] = weight;
            lanes += weight;
        }

        double sum = Vector.Sum(lanes);
        for (int i = source.Length * Vector<float>.Count; i < row.Length; i++)
        {
            float weight = MathF.Exp((row[i] - max) * scale);
            weights[i] = weight;
            sum += weight;
        }

        return sum;
    }
}
