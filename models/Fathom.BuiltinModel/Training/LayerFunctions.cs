using System.Runtime.Intrinsics;

namespace Fathom.BuiltinModel.Training;

/// <summary>The element-wise parts of a layer with their gradients, over rows [begin, end) so that callers share rows out.</summary>
internal static unsafe class LayerFunctions
{
    // SAFETY (whole class): callers pass row ranges inside the tensors they name; widths are multiples of 16 (checked by LlamaNetwork).
    private const int Lanes = 16;

    /// <summary>y = x·w·r with r = 1/sqrt(mean(x²) + ε); keeps r per row for the gradient.</summary>
    public static void RmsNorm(float* x, float* w, float* y, float* scales, int width, float epsilon, int begin, int end)
    {
        for (int row = begin; row < end; row++)
        {
            float* xr = x + ((long)row * width);
            float* yr = y + ((long)row * width);
            Vector512<float> squares = Vector512<float>.Zero;
            for (int j = 0; j < width; j += Lanes)
            {
                Vector512<float> v = Vector512.Load(xr + j);
                squares = Vector512.FusedMultiplyAdd(v, v, squares);
            }

            float scale = 1f / MathF.Sqrt((Vector512.Sum(squares) / width) + epsilon);
            scales[row] = scale;
            for (int j = 0; j < width; j += Lanes)
                (Vector512.Load(xr + j) * Vector512.Load(w + j) * scale).Store(yr + j);
        }
    }

    /// <summary>dx += r·(dy·w - x·r²·mean(dy·w·x)); dw += sum over rows of dy·x·r.</summary>
    public static void RmsNormGradient(float* x, float* w, float* dy, float* scales, float* dx, float* dw, int width, int begin, int end)
    {
        for (int row = begin; row < end; row++)
        {
            float* xr = x + ((long)row * width);
            float* dyr = dy + ((long)row * width);
            float* dxr = dx + ((long)row * width);
            float scale = scales[row];
            Vector512<float> dots = Vector512<float>.Zero;
            for (int j = 0; j < width; j += Lanes)
            {
                Vector512<float> xdy = Vector512.Load(xr + j) * Vector512.Load(dyr + j);
                dots = Vector512.FusedMultiplyAdd(xdy, Vector512.Load(w + j), dots);
                (Vector512.Load(dw + j) + (xdy * scale)).Store(dw + j);
            }

            Vector512<float> back = Vector512.Create(-Vector512.Sum(dots) / width * scale * scale);
            for (int j = 0; j < width; j += Lanes)
            {
                Vector512<float> inner = Vector512.FusedMultiplyAdd(back, Vector512.Load(xr + j), Vector512.Load(dyr + j) * Vector512.Load(w + j));
                (Vector512.Load(dxr + j) + (inner * scale)).Store(dxr + j);
            }
        }
    }

    /// <summary>y = silu(gate)·up; a row of <paramref name="gateUp"/> holds the gates, then the ups.</summary>
    public static void SwiGlu(float* gateUp, float* y, int width, int begin, int end)
    {
        for (int row = begin; row < end; row++)
        {
            float* gate = gateUp + (2L * row * width);
            float* up = gate + width;
            float* yr = y + ((long)row * width);
            for (int j = 0; j < width; j += Lanes)
            {
                Vector512<float> g = Vector512.Load(gate + j);
                (g * Sigmoid(g) * Vector512.Load(up + j)).Store(yr + j);
            }
        }
    }

    /// <summary>Overwrites gates and ups with their gradients.</summary>
    public static void SwiGluGradient(float* gateUp, float* dy, int width, int begin, int end)
    {
        for (int row = begin; row < end; row++)
        {
            float* gate = gateUp + (2L * row * width);
            float* up = gate + width;
            float* dyr = dy + ((long)row * width);
            for (int j = 0; j < width; j += Lanes)
            {
                Vector512<float> g = Vector512.Load(gate + j), d = Vector512.Load(dyr + j), s = Sigmoid(g);
                Vector512<float> dGate = d * Vector512.Load(up + j) * s * (Vector512<float>.One + (g * (Vector512<float>.One - s)));
                (d * g * s).Store(up + j);
                dGate.Store(gate + j);
            }
        }
    }

    /// <summary>
    /// Rotates interleaved pairs of every query and key head by their position's angle (or back, for the gradient, with
    /// <paramref name="direction"/> -1). Source: Su et al. 2021, in GGUF's llama convention.
    /// </summary>
    /// <param name="qkv">Rows of queries, keys and values; values stay.</param>
    /// <param name="stride">Values per row.</param>
    /// <param name="rotated">Values at the start of a row that are rotated: queries and keys.</param>
    /// <param name="positions">Position of each row in its document.</param>
    /// <param name="cosines">[context, headSize / 2].</param>
    /// <param name="sines">[context, headSize / 2].</param>
    /// <param name="headSize">Values per head.</param>
    /// <param name="direction">1 forward, -1 back.</param>
    /// <param name="begin">First row.</param>
    /// <param name="end">One past the last row.</param>
    public static void Rotate(
        float* qkv, int stride, int rotated, int[] positions, float* cosines, float* sines, int headSize, float direction, int begin, int end)
    {
        int half = headSize / 2;
        for (int row = begin; row < end; row++)
        {
            float* cosine = cosines + (positions[row] * half);
            float* sine = sines + (positions[row] * half);
            float* values = qkv + ((long)row * stride);
            for (int head = 0; head < rotated; head += headSize)
            {
                for (int pair = 0; pair < half; pair++)
                {
                    float even = values[head + (2 * pair)], odd = values[head + (2 * pair) + 1];
                    float c = cosine[pair], s = sine[pair] * direction;
                    values[head + (2 * pair)] = (even * c) - (odd * s);
                    values[head + (2 * pair) + 1] = (even * s) + (odd * c);
                }
            }
        }
    }

    /// <summary>
    /// Softmax cross entropy of one row: returns -log p[target] and leaves (p - onehot)·<paramref name="gradientScale"/> in the logits.
    /// </summary>
    public static float CrossEntropy(float* logits, int width, int target, float gradientScale)
    {
        Vector512<float> top = Vector512.Create(float.NegativeInfinity);
        for (int j = 0; j < width; j += Lanes)
            top = Vector512.Max(top, Vector512.Load(logits + j));
        float max = float.NegativeInfinity;
        for (int lane = 0; lane < Lanes; lane++)
            max = MathF.Max(max, top[lane]);

        float targetLogit = logits[target];
        Vector512<float> sums = Vector512<float>.Zero;
        for (int j = 0; j < width; j += Lanes)
        {
            Vector512<float> e = Vector512.Exp(Vector512.Load(logits + j) - Vector512.Create(max));
            sums += e;
            e.Store(logits + j);
        }

        float sum = Vector512.Sum(sums);
        float scale = gradientScale / sum;
        for (int j = 0; j < width; j += Lanes)
            (Vector512.Load(logits + j) * scale).Store(logits + j);
        logits[target] -= gradientScale;
        return MathF.Log(sum) + max - targetLogit;
    }

    private static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Vector512.Exp(-x));
}
