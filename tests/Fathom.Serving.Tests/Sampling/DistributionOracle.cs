using Fathom.Serving.Sampling;

namespace Fathom.Serving.Tests.Sampling;

/// <summary>The distribution that a row of logits and parameters define, by sorting, in double precision.</summary>
internal static class DistributionOracle
{
    /// <summary>Probability of each token.</summary>
    /// <param name="logits">The model's row.</param>
    /// <param name="parameters">Sampling parameters; temperature above 0.</param>
    /// <param name="prompt">Tokens of the prompt.</param>
    /// <param name="output">Tokens generated so far.</param>
    /// <param name="gap">Smallest distance of a truncation's boundary from where it would keep another set; ties to rounding.</param>
    public static double[] Probabilities(float[] logits, SamplingParameters parameters, int[] prompt, int[] output, out double gap)
    {
        double[] z = Adjusted(logits, parameters, prompt, output);
        gap = double.PositiveInfinity;
        double max = z.Max();
        List<(int Token, double P)> kept = [.. z.Select((logit, token) => (token, Math.Exp((logit - max) / parameters.Temperature)))];
        if (parameters.TopK > 0)
            kept = [.. kept.OrderByDescending(entry => entry.P).ThenBy(entry => entry.Token).Take(parameters.TopK)];
        kept = Normalised(kept);
        if (parameters.TypicalP < 1)
        {
            double entropy = -kept.Where(entry => entry.P > 0).Sum(entry => entry.P * Math.Log(entry.P));
            kept = ToMass([.. kept.Where(entry => entry.P > 0).OrderBy(entry => Math.Abs(-Math.Log(entry.P) - entropy))], parameters.TypicalP, ref gap);
        }

        if (parameters.TopP < 1)
            kept = ToMass([.. kept.OrderByDescending(entry => entry.P).ThenBy(entry => entry.Token)], parameters.TopP, ref gap);
        if (parameters.MinP > 0)
        {
            double least = kept.Max(entry => entry.P) * parameters.MinP;
            gap = Math.Min(gap, kept.Min(entry => Math.Abs(entry.P - least)));
            kept = Normalised([.. kept.Where(entry => entry.P >= least)]);
        }

        var probabilities = new double[logits.Length];
        foreach ((int token, double p) in kept)
            probabilities[token] = p;
        return probabilities;
    }

    public static double[] Adjusted(float[] logits, SamplingParameters parameters, int[] prompt, int[] output)
    {
        double[] z = [.. logits.Select(logit => (double)logit)];
        foreach ((int token, float bias) in parameters.LogitBias ?? new Dictionary<int, float>())
            z[token] += bias;
        foreach (int token in prompt.Concat(output).Distinct())
            z[token] = z[token] > 0 ? z[token] / parameters.RepetitionPenalty : z[token] * parameters.RepetitionPenalty;
        foreach (IGrouping<int, int> group in output.GroupBy(token => token))
            z[group.Key] -= parameters.PresencePenalty + (parameters.FrequencyPenalty * group.Count());
        return z;
    }

    private static List<(int Token, double P)> ToMass(List<(int Token, double P)> ordered, double mass, ref double gap)
    {
        double sum = 0;
        for (int i = 0; i < ordered.Count; i++)
        {
            sum += ordered[i].P;
            gap = Math.Min(gap, Math.Abs(sum - mass));
            if (sum >= mass)
                return Normalised(ordered[..(i + 1)]);
        }

        return Normalised(ordered);
    }

    private static List<(int Token, double P)> Normalised(List<(int Token, double P)> entries)
    {
        double total = entries.Sum(entry => entry.P);
        return [.. entries.Select(entry => (entry.Token, entry.P / total))];
    }
}
