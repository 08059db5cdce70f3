namespace Fathom.Microbenchmarks;

/// <summary>That a kernel under measurement computes what its baseline does.</summary>
internal static class Agreement
{
    /// <summary>Fails when |actual - expected| / |expected| over all values is above the limit.</summary>
    public static void Check(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double limit)
    {
        double error = 0, size = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            error += Math.Pow(actual[i] - expected[i], 2);
            size += Math.Pow(expected[i], 2);
        }
        if (!(error <= limit * limit * size))
            throw new InvalidOperationException($"relative error {Math.Sqrt(error / size):g3}, at most {limit}");
    }
}
