using System.Runtime.InteropServices;
using Fathom.Kernels.Formats;
using Fathom.Models.Gguf;

namespace Fathom.Models.Tests.Execution.Reference;

/// <summary>Writes a reference model as GGUF, with keys, names and row orders as llama.cpp's converter gives them.</summary>
internal static class ReferenceGguf
{
    /// <summary>
    /// Writes the file. With a quantised type the reference's own weights become what the file can hold, so that a
    /// comparison measures the computation and not the format.
    /// </summary>
    public static void Write(ReferenceModel model, string path, TensorType type = TensorType.F32, Action<GgufMetadata>? change = null)
    {
        ReferenceShape s = model.Shape;
        var tensors = new List<(GgufTensorPlan Plan, byte[] Bytes)>();
        Matrix("token_embd.weight", s.Hidden, "embed");
        if (s.IsGpt2)
            Add("position_embd.weight", TensorType.F32, [s.Hidden, s.Context], model["positions"]);
        for (int l = 0; l < s.Layers; l++)
        {
            string b = $"blk.{l}.";
            Norm(b + "attn_norm", $"{l}.norm1");
            Norm(b + "ffn_norm", $"{l}.norm2");
            if (s.IsGemma)
            {
                Norm(b + "post_attention_norm", $"{l}.post1");
                Norm(b + "post_ffw_norm", $"{l}.post2");
            }

            if (s.HasQueryKeyNorms)
            {
                Norm(b + "attn_q_norm", $"{l}.qnorm");
                Norm(b + "attn_k_norm", $"{l}.knorm");
            }

            if (s.IsGpt2 || s.Architecture == "phi3")
            {
                Matrix(b + "attn_qkv.weight", s.Hidden, $"{l}.q", $"{l}.k", $"{l}.v");
                Bias(b + "attn_qkv.bias", $"{l}.q", $"{l}.k", $"{l}.v");
            }
            else
            {
                foreach (string part in new[] { "q", "k", "v" })
                {
                    Matrix($"{b}attn_{part}.weight", s.Hidden, $"{l}.{part}");
                    Bias($"{b}attn_{part}.bias", $"{l}.{part}");
                }
            }

            Matrix(b + "attn_output.weight", s.Heads * s.HeadSize, $"{l}.o");
            Bias(b + "attn_output.bias", $"{l}.o");
            if (s.Architecture == "phi3")
                Matrix(b + "ffn_up.weight", s.Hidden, $"{l}.gate", $"{l}.up");
            else
                Matrix(b + "ffn_up.weight", s.Hidden, $"{l}.up");
            if (!s.IsGpt2 && s.Architecture != "phi3")
                Matrix(b + "ffn_gate.weight", s.Hidden, $"{l}.gate");
            Bias(b + "ffn_up.bias", $"{l}.up");
            Matrix(b + "ffn_down.weight", s.Inner, $"{l}.down");
            Bias(b + "ffn_down.bias", $"{l}.down");
        }

        Norm("output_norm", "norm");
        if (!s.Tied)
            Matrix("output.weight", s.Hidden, "head");
        AddFactors();

        GgufMetadata metadata = Metadata(s);
        change?.Invoke(metadata);
        using GgufWriter writer = GgufWriter.Create(path, metadata, tensors.ConvertAll(t => t.Plan));
        for (int i = 0; i < tensors.Count; i++)
            writer.Write(i, 0, tensors[i].Bytes);
        writer.Complete();

        void Matrix(string name, int columns, params string[] parts)
        {
            long rowBytes = BlockFormat.Get(type).RowBytes(columns);
            byte[] bytes = parts.SelectMany(part => Permuted(part, Round(part), rowBytes)).ToArray();
            tensors.Add((new GgufTensorPlan(name, type, columns, bytes.Length / rowBytes), bytes));
        }

        byte[] Round(string part)
        {
            byte[] bytes = Encode(type, model[part]);
            var rounded = new float[model[part].Length];
            BlockCodec.Decode(type, bytes, rounded);
            model[part] = [.. rounded];
            return bytes;
        }

        void Norm(string name, string part)
        {
            Add(name + ".weight", TensorType.F32, [model[part].Length], model[part].Select(v => s.IsGemma ? (float)v + 1f : v).ToArray());
            if (model.Has(part + ".bias"))
                Add(name + ".bias", TensorType.F32, [model[part].Length], model[part + ".bias"]);
        }

        void Bias(string name, params string[] parts)
        {
            if (!model.Has(parts[0] + ".bias"))
                return;
            byte[] bytes = parts.SelectMany(part => Permuted(part, Encode(TensorType.F32, model[part + ".bias"]), 4)).ToArray();
            tensors.Add((new GgufTensorPlan(name, TensorType.F32, bytes.Length / 4), bytes));
        }

        byte[] Permuted(string part, byte[] rows, long rowBytes)
        {
            bool query = part.EndsWith(".q", StringComparison.Ordinal);
            bool key = part.EndsWith(".k", StringComparison.Ordinal);
            if (s.Architecture != "llama" || !(query || key))
                return rows;
            // weights.reshape(heads, 2, size / 2, columns).swapaxes(1, 2)
            var permuted = new byte[rows.Length];
            int half = s.HeadSize / 2;
            for (int row = 0; row < rows.Length / rowBytes; row++)
            {
                int head = row / s.HeadSize;
                int side = row % s.HeadSize / half;
                int i = row % half;
                Array.Copy(rows, row * rowBytes, permuted, (head * s.HeadSize + 2 * i + side) * rowBytes, rowBytes);
            }

            return permuted;
        }

        void Add(string name, TensorType stored, long[] shape, double[] values) =>
            tensors.Add((new GgufTensorPlan(name, stored, shape), Encode(stored, values)));

        void AddFactors()
        {
            if (s.RopeType == "longrope")
            {
                Add("rope_factors_short.weight", TensorType.F32, [s.ShortFactors.Length], s.ShortFactors);
                Add("rope_factors_long.weight", TensorType.F32, [s.LongFactors.Length], s.LongFactors);
            }

            if (s.RopeType == "llama3")
                Add("rope_freqs.weight", TensorType.F32, [s.HeadSize / 2], Llama3Factors(s));
        }
    }

    /// <summary>Bytes of values in a storage type.</summary>
    public static byte[] Encode(TensorType type, double[] values)
    {
        float[] singles = values.Select(v => (float)v).ToArray();
        if (type == TensorType.F32)
            return MemoryMarshal.AsBytes<float>(singles).ToArray();
        var bytes = new byte[BlockFormat.Get(type).RowBytes(singles.Length)];
        BlockCodec.Encode(type, singles, bytes);
        return bytes;
    }

    private static double[] Llama3Factors(ReferenceShape s)
    {
        var factors = new double[s.HeadSize / 2];
        for (int i = 0; i < factors.Length; i++)
        {
            double wavelength = 2 * Math.PI * Math.Pow(s.RopeBase, 2.0 * i / s.HeadSize);
            double low = s.OriginalContext / s.LowFrequencyFactor;
            double high = s.OriginalContext / s.HighFrequencyFactor;
            double smooth = (s.OriginalContext / wavelength - s.LowFrequencyFactor) / (s.HighFrequencyFactor - s.LowFrequencyFactor);
            factors[i] = wavelength < high ? 1 : wavelength > low ? s.RopeFactor : 1 / ((1 - smooth) / s.RopeFactor + smooth);
        }

        return factors;
    }

    private static GgufMetadata Metadata(ReferenceShape s)
    {
        var m = new GgufMetadata("test");
        string a = s.Architecture;
        m.Set("general.architecture", a);
        m.Set($"{a}.context_length", (uint)s.Context);
        m.Set($"{a}.embedding_length", (uint)s.Hidden);
        m.Set($"{a}.block_count", (uint)s.Layers);
        m.Set($"{a}.feed_forward_length", (uint)s.Inner);
        m.Set($"{a}.attention.head_count", (uint)s.Heads);
        if (s.IsGpt2)
        {
            m.Set($"{a}.attention.layer_norm_epsilon", (float)s.Epsilon);
            return m;
        }

        m.Set($"{a}.attention.head_count_kv", (uint)s.KvHeads);
        m.Set($"{a}.attention.layer_norm_rms_epsilon", (float)s.Epsilon);
        m.Set($"{a}.rope.freq_base", (float)s.RopeBase);
        m.Set($"{a}.attention.key_length", (uint)s.HeadSize);
        m.Set($"{a}.attention.value_length", (uint)s.HeadSize);
        if (s.RotaryDimensions > 0)
            m.Set($"{a}.rope.dimension_count", (uint)s.RotaryDimensions);
        if (s.SlidingWindow > 0)
            m.Set($"{a}.attention.sliding_window", (uint)s.SlidingWindow);
        if (s.AttentionSoftCap > 0)
            m.Set($"{a}.attn_logit_softcapping", (float)s.AttentionSoftCap);
        if (s.LogitSoftCap > 0)
            m.Set($"{a}.final_logit_softcapping", (float)s.LogitSoftCap);
        if (s.QueryPreAttentionScalar > 0 && s.QueryPreAttentionScalar != s.HeadSize)
            m.Set($"{a}.attention.scale", (float)(1 / Math.Sqrt(s.QueryPreAttentionScalar)));
        if (s.RopeType is "linear" or "yarn")
        {
            m.Set($"{a}.rope.scaling.type", s.RopeType);
            m.Set($"{a}.rope.scaling.factor", (float)s.RopeFactor);
        }

        if (s.OriginalContext > 0 && s.RopeType != "llama3")
            m.Set($"{a}.rope.scaling.original_context_length", (uint)s.OriginalContext);
        if (s.RopeType == "longrope")
            m.Set($"{a}.rope.scaling.attn_factor", (float)Math.Sqrt(1 + Math.Log((double)s.Context / s.OriginalContext) / Math.Log(s.OriginalContext)));
        return m;
    }
}
