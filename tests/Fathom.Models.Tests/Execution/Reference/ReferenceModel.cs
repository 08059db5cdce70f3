namespace Fathom.Models.Tests.Execution.Reference;

/// <summary>
/// The decoders written down once more, in double precision and without any care for speed, from the definition of each
/// architecture in Hugging Face's conventions. Shares nothing with what it checks.
/// </summary>
internal sealed class ReferenceModel
{
    private readonly Dictionary<string, double[]> _weights = [];

    public ReferenceModel(ReferenceShape shape, int seed)
    {
        Shape = shape;
        var random = new Random(seed);
        int h = shape.Hidden;
        int q = shape.Heads * shape.HeadSize;
        int k = shape.KvHeads * shape.HeadSize;
        Fill(random, "embed", shape.Vocabulary * h, 1);
        if (shape.IsGpt2)
            Fill(random, "positions", shape.Context * h, 0.3);
        for (int l = 0; l < shape.Layers; l++)
        {
            Norm(random, $"{l}.norm1", h);
            Norm(random, $"{l}.norm2", h);
            if (shape.IsGemma)
            {
                Norm(random, $"{l}.post1", h);
                Norm(random, $"{l}.post2", h);
            }

            if (shape.HasQueryKeyNorms)
            {
                Norm(random, $"{l}.qnorm", shape.HeadSize);
                Norm(random, $"{l}.knorm", shape.HeadSize);
            }

            Linear(random, $"{l}.q", q, h, shape.HasQkvBias);
            Linear(random, $"{l}.k", k, h, shape.HasQkvBias);
            Linear(random, $"{l}.v", k, h, shape.HasQkvBias);
            Linear(random, $"{l}.o", h, q, shape.IsGpt2 || shape.AttentionBias);
            if (!shape.IsGpt2)
                Linear(random, $"{l}.gate", shape.Inner, h, false);
            Linear(random, $"{l}.up", shape.Inner, h, shape.IsGpt2);
            Linear(random, $"{l}.down", h, shape.Inner, shape.IsGpt2);
        }

        Norm(random, "norm", h);
        if (!shape.Tied)
            Fill(random, "head", shape.Vocabulary * h, 0.3);
    }

    public ReferenceShape Shape { get; }

    public double[] this[string name]
    {
        get => _weights[name];
        set => _weights[name] = value;
    }

    public bool Has(string name) => _weights.ContainsKey(name);

    /// <summary>Logits [tokens, vocabulary] of a sequence from position 0.</summary>
    public double[][] Logits(ReadOnlySpan<int> tokens)
    {
        ReferenceShape s = Shape;
        var x = new double[tokens.Length][];
        for (int t = 0; t < tokens.Length; t++)
        {
            x[t] = Row("embed", tokens[t], s.Hidden);
            for (int i = 0; i < s.Hidden; i++)
            {
                if (s.IsGpt2)
                    x[t][i] += this["positions"][t * s.Hidden + i];
                if (s.IsGemma)
                    x[t][i] *= Math.Sqrt(s.Hidden);
            }
        }

        for (int l = 0; l < s.Layers; l++)
        {
            double[][] attended = Attention(l, x.Select(row => Normalise($"{l}.norm1", row)).ToArray());
            for (int t = 0; t < x.Length; t++)
            {
                x[t] = Add(x[t], s.IsGemma ? Normalise($"{l}.post1", attended[t]) : attended[t]);
                double[] fed = FeedForward(l, Normalise($"{l}.norm2", x[t]));
                x[t] = Add(x[t], s.IsGemma ? Normalise($"{l}.post2", fed) : fed);
            }
        }

        return x.Select(row =>
        {
            double[] logits = Multiply(this[s.Tied ? "embed" : "head"], s.Vocabulary, Normalise("norm", row));
            return s.LogitSoftCap > 0 ? logits.Select(v => s.LogitSoftCap * Math.Tanh(v / s.LogitSoftCap)).ToArray() : logits;
        }).ToArray();
    }

    private double[][] Attention(int l, double[][] x)
    {
        ReferenceShape s = Shape;
        int d = s.HeadSize;
        double[][] q = x.Select((row, t) => Heads(l, "q", row, s.Heads, t)).ToArray();
        double[][] k = x.Select((row, t) => Heads(l, "k", row, s.KvHeads, t)).ToArray();
        double[][] v = x.Select(row => Project($"{l}.v", s.KvHeads * d, row)).ToArray();
        double scale = 1 / Math.Sqrt(s.QueryPreAttentionScalar > 0 ? s.QueryPreAttentionScalar : d);
        var output = new double[x.Length][];
        for (int t = 0; t < x.Length; t++)
        {
            var mixed = new double[s.Heads * d];
            int first = s.Window(l) > 0 ? Math.Max(0, t - s.Window(l) + 1) : 0;
            for (int head = 0; head < s.Heads; head++)
            {
                int kvHead = head / (s.Heads / s.KvHeads);
                var scores = new double[t + 1];
                for (int u = first; u <= t; u++)
                {
                    for (int i = 0; i < d; i++)
                        scores[u] += q[t][head * d + i] * k[u][kvHead * d + i];
                    scores[u] *= scale;
                    if (s.AttentionSoftCap > 0)
                        scores[u] = s.AttentionSoftCap * Math.Tanh(scores[u] / s.AttentionSoftCap);
                }

                double top = scores[first..].Max();
                double sum = scores[first..].Sum(score => Math.Exp(score - top));
                for (int u = first; u <= t; u++)
                {
                    for (int i = 0; i < d; i++)
                        mixed[head * d + i] += Math.Exp(scores[u] - top) / sum * v[u][kvHead * d + i];
                }
            }

            output[t] = Project($"{l}.o", s.Hidden, mixed);
        }

        return output;
    }

    /// <summary>Projection, norm of each head, half-split rotation.</summary>
    private double[] Heads(int l, string name, double[] x, int heads, int position)
    {
        ReferenceShape s = Shape;
        int d = s.HeadSize;
        double[] y = Project($"{l}.{name}", heads * d, x);
        for (int head = 0; head < heads; head++)
        {
            Span<double> values = y.AsSpan(head * d, d);
            if (s.HasQueryKeyNorms)
                Normalise($"{l}.{name}norm", values.ToArray()).CopyTo(values);
            if (!s.IsGpt2)
                Rotate(values, position, l);
        }

        return y;
    }

    private void Rotate(Span<double> head, int position, int l)
    {
        ReferenceShape s = Shape;
        int n = s.RotaryDimensions > 0 ? s.RotaryDimensions : s.HeadSize;
        bool local = s.Architecture == "gemma3" && s.IsLocal(l);
        for (int i = 0; i < n / 2; i++)
        {
            double frequency = Math.Pow(local ? s.LocalRopeBase : s.RopeBase, -2.0 * i / n);
            double magnitude = 1;
            if (!local)
                (frequency, magnitude) = Scale(frequency, i, n);
            double cos = Math.Cos(position * frequency) * magnitude;
            double sin = Math.Sin(position * frequency) * magnitude;
            double a = head[i];
            double b = head[i + n / 2];
            head[i] = a * cos - b * sin;
            head[i + n / 2] = b * cos + a * sin;
        }
    }

    /// <summary>The rope_scaling rules of Hugging Face's modeling_rope_utils.</summary>
    private (double Frequency, double Magnitude) Scale(double frequency, int i, int n)
    {
        ReferenceShape s = Shape;
        switch (s.RopeType)
        {
            case "linear":
                return (frequency / s.RopeFactor, 1);
            case "llama3":
                double wavelength = 2 * Math.PI / frequency;
                if (wavelength < s.OriginalContext / s.HighFrequencyFactor)
                    return (frequency, 1);
                if (wavelength > s.OriginalContext / s.LowFrequencyFactor)
                    return (frequency / s.RopeFactor, 1);
                double smooth = (s.OriginalContext / wavelength - s.LowFrequencyFactor) / (s.HighFrequencyFactor - s.LowFrequencyFactor);
                return ((1 - smooth) * frequency / s.RopeFactor + smooth * frequency, 1);
            case "yarn":
                double Correction(double turns) => n * Math.Log(s.OriginalContext / (turns * 2 * Math.PI)) / (2 * Math.Log(s.RopeBase));
                double low = Math.Max(Math.Floor(Correction(32)), 0);
                double high = Math.Min(Math.Ceiling(Correction(1)), n - 1);
                double ramp = Math.Clamp((i - low) / Math.Max(high - low, 0.001), 0, 1);
                return (frequency / s.RopeFactor * ramp + frequency * (1 - ramp), 0.1 * Math.Log(s.RopeFactor) + 1);
            case "longrope":
                double[] factors = s.Context > s.OriginalContext ? s.LongFactors : s.ShortFactors;
                double extension = (double)s.Context / s.OriginalContext;
                return (frequency / factors[i], Math.Sqrt(1 + Math.Log(extension) / Math.Log(s.OriginalContext)));
            default:
                return (frequency, 1);
        }
    }

    private double[] FeedForward(int l, double[] x)
    {
        ReferenceShape s = Shape;
        double[] up = Project($"{l}.up", s.Inner, x);
        if (s.IsGpt2)
            return Project($"{l}.down", s.Hidden, up.Select(GeluTanh).ToArray());
        double[] gate = Project($"{l}.gate", s.Inner, x);
        return Project($"{l}.down", s.Hidden, gate.Select((g, i) => (s.IsGemma ? GeluTanh(g) : g / (1 + Math.Exp(-g))) * up[i]).ToArray());
    }

    private static double GeluTanh(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

    private double[] Normalise(string name, double[] x)
    {
        double[] w = this[name];
        if (Shape.IsGpt2)
        {
            double mean = x.Average();
            double deviation = Math.Sqrt(x.Average(v => (v - mean) * (v - mean)) + Shape.Epsilon);
            return x.Select((v, i) => (v - mean) / deviation * w[i] + this[name + ".bias"][i]).ToArray();
        }

        double rms = Math.Sqrt(x.Average(v => v * v) + Shape.Epsilon);
        return x.Select((v, i) => v / rms * (Shape.IsGemma ? 1 + w[i] : w[i])).ToArray();
    }

    private double[] Project(string name, int outputs, double[] x)
    {
        double[] y = Multiply(this[name], outputs, x);
        return Has(name + ".bias") ? Add(y, this[name + ".bias"]) : y;
    }

    private static double[] Multiply(double[] w, int outputs, double[] x)
    {
        var y = new double[outputs];
        for (int o = 0; o < outputs; o++)
        {
            for (int i = 0; i < x.Length; i++)
                y[o] += w[o * x.Length + i] * x[i];
        }

        return y;
    }

    private static double[] Add(double[] a, double[] b) => a.Select((v, i) => v + b[i]).ToArray();

    private double[] Row(string name, int row, int width) => this[name].AsSpan(row * width, width).ToArray();

    private void Linear(Random random, string name, int outputs, int inputs, bool bias)
    {
        Fill(random, name, outputs * inputs, 0.9 / Math.Sqrt(inputs));
        if (bias)
            Fill(random, name + ".bias", outputs, 0.3);
    }

    private void Norm(Random random, string name, int width)
    {
        Fill(random, name, width, 0.2);
        if (!Shape.IsGemma)
            this[name] = this[name].Select(v => v + 1).ToArray();
        if (Shape.IsGpt2)
            Fill(random, name + ".bias", width, 0.2);
    }

    /// <summary>Values that single precision holds exactly, so that files and reference agree.</summary>
    private void Fill(Random random, string name, int count, double deviation)
    {
        var values = new double[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)(deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        this[name] = values;
    }
}
