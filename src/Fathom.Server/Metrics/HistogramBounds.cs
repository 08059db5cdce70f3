using System.Diagnostics.Metrics;

namespace Fathom.Server.Metrics;

/// <summary>Bucket bounds: those that the instrument advises, else one scale for seconds and one for counts.</summary>
internal static class HistogramBounds
{
    private static readonly double[] s_seconds =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 640];

    private static readonly double[] s_counts =
        [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072];

    public static double[] For(Instrument instrument) =>
        Advised<double>(instrument) ?? Advised<float>(instrument) ?? Advised<long>(instrument) ?? Advised<int>(instrument)
        ?? (instrument.Unit == "s" ? s_seconds : s_counts);

    private static double[]? Advised<T>(Instrument instrument) where T : struct =>
        (instrument as Histogram<T>)?.Advice?.HistogramBucketBoundaries is { Count: > 0 } bounds
            ? [.. bounds.Select(bound => Convert.ToDouble(bound, System.Globalization.CultureInfo.InvariantCulture))]
            : null;
}
