namespace Fathom.Kernels.Formats;

/// <summary>Searches for the scale of a sub-block that loses least; ggml's make_qkx2_quants, make_q3_quants, make_qx_quants.</summary>
internal static class ScaleSearch
{
    /// <summary>Values below this are nothing to a quantiser.</summary>
    public const float Nothing = 1e-15f;

    /// <summary>Candidate inverse scales: (levelMax + First + i·Step) / range for i of 0 to Count.</summary>
    public readonly record struct Steps(float First, float Step, int Count);

    /// <summary>Fits x to scale·level - min with min at least 0.</summary>
    /// <param name="x">Values of the sub-block, at most 32.</param>
    /// <param name="weights">How much the error of each counts.</param>
    /// <param name="levelMax">Levels are 0 to this.</param>
    /// <param name="steps">Scales to try.</param>
    /// <param name="absoluteError">Minimise weighted absolute error instead of squared.</param>
    /// <param name="levels">Gets the levels of the best fit.</param>
    public static (float Scale, float Min) ScaleAndMin(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weights, int levelMax, Steps steps, bool absoluteError, Span<byte> levels)
    {
        float min = 0, max = x[0], sumW = 0, sumX = 0;
        for (var i = 0; i < x.Length; i++)
        {
            min = MathF.Min(min, x[i]);
            max = MathF.Max(max, x[i]);
            sumW += weights[i];
            sumX += weights[i] * x[i];
        }
        if (max <= min)
        {
            levels.Clear();
            return (0, -min);
        }
        var (from, range) = (min, max - min);
        var scale = range / levelMax;
        Quantise(x, from, levelMax / range, levelMax, levels);
        var best = Error(x, weights, levels, scale, min, absoluteError);
        Span<byte> trial = stackalloc byte[32];
        trial = trial[..x.Length];
        for (var step = 0; step <= steps.Count; step++)
        {
            Quantise(x, from, (steps.First + steps.Step * step + levelMax) / range, levelMax, trial);
            float sumL = 0, sumLL = 0, sumXL = 0;
            for (var i = 0; i < x.Length; i++)
            {
                sumL += weights[i] * trial[i];
                sumLL += weights[i] * trial[i] * trial[i];
                sumXL += weights[i] * trial[i] * x[i];
            }
            var determinant = sumW * sumLL - sumL * sumL;
            if (determinant <= 0)
                continue;
            // Weighted linear regression of x on the levels, with the offset held at or below 0.
            var trialScale = (sumW * sumXL - sumX * sumL) / determinant;
            var trialMin = (sumLL * sumX - sumL * sumXL) / determinant;
            if (trialMin > 0)
                (trialMin, trialScale) = (0, sumXL / sumLL);
            var error = Error(x, weights, trial, trialScale, trialMin, absoluteError);
            if (error < best)
            {
                (best, scale, min) = (error, trialScale, trialMin);
                trial.CopyTo(levels);
            }
        }
        return (scale, -min);
    }

    /// <summary>Fits x to scale·(level - offset), weights x², moving single levels while that helps. Returns the scale.</summary>
    public static float Descend(ReadOnlySpan<float> x, int offset, Span<byte> levels)
    {
        var peak = SmallBlockCodec.SignedPeak(x);
        levels.Clear();
        if (MathF.Abs(peak) < Nothing)
            return 0;
        Span<int> l = stackalloc int[32];
        float sumLX = 0, sumLL = 0;
        for (var i = 0; i < x.Length; i++)
        {
            l[i] = Math.Clamp((int)MathF.Round(-offset / peak * x[i]), -offset, offset - 1);
            sumLX += x[i] * x[i] * x[i] * l[i];
            sumLL += x[i] * x[i] * l[i] * l[i];
        }
        for (var (round, changed) = (0, true); round < 5 && changed; round++)
        {
            changed = false;
            for (var i = 0; i < x.Length; i++)
            {
                var weight = x[i] * x[i];
                var restLX = sumLX - weight * x[i] * l[i];
                if (restLX <= 0)
                    continue;
                var restLL = sumLL - weight * l[i] * l[i];
                var moved = Math.Clamp((int)MathF.Round(x[i] * restLL / restLX), -offset, offset - 1);
                if (moved == l[i])
                    continue;
                restLX += weight * x[i] * moved;
                restLL += weight * moved * moved;
                if (restLL > 0 && restLX * restLX * sumLL > sumLX * sumLX * restLL)
                    (l[i], sumLX, sumLL, changed) = (moved, restLX, restLL, true);
            }
        }
        for (var i = 0; i < x.Length; i++)
            levels[i] = (byte)(l[i] + offset);
        return sumLL > 0 ? sumLX / sumLL : 0;
    }

    /// <summary>Fits x to scale·(level - offset), weights x², over 19 scales around the plain one. Returns the scale.</summary>
    public static float Sweep(ReadOnlySpan<float> x, int offset, Span<byte> levels)
    {
        var peak = SmallBlockCodec.SignedPeak(x);
        levels.Clear();
        if (MathF.Abs(peak) < Nothing)
            return 0;
        float scale = 0, gain = float.NegativeInfinity;
        Span<byte> trial = stackalloc byte[32];
        for (var step = 0; step < 19; step++)
        {
            // 0, then -9 to 9 without 0: the plain scale wins ties, as in ggml.
            var nudge = step == 0 ? 0 : step <= 9 ? step - 10 : step - 9;
            var inverse = -(offset + 0.1f * nudge) / peak;
            float sumLX = 0, sumLL = 0;
            for (var i = 0; i < x.Length; i++)
            {
                var l = Math.Clamp((int)MathF.Round(inverse * x[i]), -offset, offset - 1);
                trial[i] = (byte)(l + offset);
                sumLX += x[i] * x[i] * x[i] * l;
                sumLL += x[i] * x[i] * l * l;
            }
            if (sumLL > 0 && sumLX * sumLX > gain * sumLL)
            {
                (scale, gain) = (sumLX / sumLL, sumLX / sumLL * sumLX);
                trial[..x.Length].CopyTo(levels);
            }
        }
        return scale;
    }

    private static void Quantise(ReadOnlySpan<float> x, float min, float inverse, int levelMax, Span<byte> levels)
    {
        for (var i = 0; i < x.Length; i++)
            levels[i] = (byte)Math.Clamp((int)MathF.Round(inverse * (x[i] - min)), 0, levelMax);
    }

    private static float Error(
        ReadOnlySpan<float> x, ReadOnlySpan<float> weights, ReadOnlySpan<byte> levels, float scale, float min, bool absolute)
    {
        var error = 0f;
        for (var i = 0; i < x.Length; i++)
        {
            var difference = MathF.Abs(scale * levels[i] + min - x[i]);
            error += weights[i] * (absolute ? difference : difference * difference);
        }
        return error;
    }
}
