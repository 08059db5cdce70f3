namespace Fathom.LoadGenerator;

/// <summary>Mean and percentiles of one latency. Milliseconds, or what <see cref="LoadReport"/> says.</summary>
/// <param name="Mean">Arithmetic mean.</param>
/// <param name="P50">Median.</param>
/// <param name="P90">Nine in ten are at most this.</param>
/// <param name="P99">Ninety-nine in a hundred are at most this.</param>
public sealed record LatencySummary(double Mean, double P50, double P90, double P99)
{
    /// <summary>Summarises samples; percentiles interpolate between neighbours at rank p·(n − 1), as NumPy does.</summary>
    /// <param name="samples">In any order.</param>
    /// <returns>Null for no samples.</returns>
    public static LatencySummary? Of(IEnumerable<double> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        var sorted = samples.Order().ToArray();
        return sorted.Length == 0
            ? null
            : new LatencySummary(sorted.Average(), Percentile(sorted, 0.5), Percentile(sorted, 0.9), Percentile(sorted, 0.99));
    }

    private static double Percentile(double[] sorted, double fraction)
    {
        var rank = fraction * (sorted.Length - 1);
        var below = (int)rank;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((rank - below) * (sorted[above] - sorted[below]));
    }
}
