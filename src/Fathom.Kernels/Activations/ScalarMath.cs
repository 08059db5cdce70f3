namespace Fathom.Kernels.Activations;

/// <summary>Elementary functions that the base library lacks.</summary>
internal static class ScalarMath
{
    /// <summary>erfc x for x >= 0, relative error below 1e-12.</summary>
    /// <remarks>Taylor series of erf below 2, Laplace's continued fraction above (Abramowitz and Stegun 7.1.5, 7.1.14).</remarks>
    public static double ErrorFunctionComplement(double x)
    {
        const double InverseSqrtPi = 0.56418958354775629;
        if (double.IsNaN(x) || x > 27)
            return double.IsNaN(x) ? x : 0;
        if (x >= 2)
        {
            var fraction = 0.0;
            for (var k = 60; k > 0; k--)
                fraction = 0.5 * k / (x + fraction);
            return Math.Exp(-x * x) * InverseSqrtPi / (x + fraction);
        }
        double term = x, sum = x;
        for (var n = 1; Math.Abs(term) > 1e-17 * sum; n++)
        {
            term *= -x * x / n;
            sum += term / (2 * n + 1);
        }
        return 1 - 2 * InverseSqrtPi * sum;
    }
}
