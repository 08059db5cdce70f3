using System.Text.Json;
using System.Text.Json.Nodes;
using Fathom.Kernels.Formats;

namespace Fathom.Models.Tests.Execution.Reference;

/// <summary>Writes a reference model as a Hugging Face folder: config.json and safetensors, optionally in shards.</summary>
internal static class ReferenceHuggingFace
{
    public static void Write(ReferenceModel model, string folder, int shards = 1, Action<JsonObject>? change = null)
    {
        ReferenceShape s = model.Shape;
        Directory.CreateDirectory(folder);
        JsonObject config = Config(s);
        change?.Invoke(config);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());

        var tensors = Tensors(model);
        if (shards == 1)
        {
            WriteFile(Path.Combine(folder, "model.safetensors"), tensors);
            return;
        }

        var map = new JsonObject();
        for (int shard = 0; shard < shards; shard++)
        {
            string name = $"model-{shard + 1:00000}-of-{shards:00000}.safetensors";
            var part = tensors.Where((_, i) => i % shards == shard).ToList();
            WriteFile(Path.Combine(folder, name), part);
            foreach ((string tensor, _, _) in part)
                map[tensor] = name;
        }

        File.WriteAllText(
            Path.Combine(folder, "model.safetensors.index.json"), new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map }.ToJsonString());
    }

    /// <summary>Writes one safetensors file of F32 tensors.</summary>
    public static void WriteFile(string path, IReadOnlyList<(string Name, int[] Shape, double[] Values)> tensors)
    {
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        long offset = 0;
        foreach ((string name, int[] shape, double[] values) in tensors)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = "F32",
                ["shape"] = new JsonArray([.. shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(offset, offset + 4L * values.Length),
            };
            offset += 4L * values.Length;
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        using var writer = new BinaryWriter(File.Create(path));
        writer.Write((ulong)json.Length);
        writer.Write(json);
        foreach ((_, _, double[] values) in tensors)
            writer.Write(ReferenceGguf.Encode(TensorType.F32, values));
    }

    private static List<(string, int[], double[])> Tensors(ReferenceModel model)
    {
        ReferenceShape s = model.Shape;
        var tensors = new List<(string, int[], double[])>();
        if (s.IsGpt2)
        {
            AddGpt2();
            return tensors;
        }

        Matrix("model.embed_tokens.weight", s.Hidden, "embed");
        for (int l = 0; l < s.Layers; l++)
        {
            string b = $"model.layers.{l}.";
            Vector(b + "input_layernorm.weight", $"{l}.norm1");
            Vector(b + (s.IsGemma ? "pre_feedforward_layernorm.weight" : "post_attention_layernorm.weight"), $"{l}.norm2");
            if (s.IsGemma)
            {
                Vector(b + "post_attention_layernorm.weight", $"{l}.post1");
                Vector(b + "post_feedforward_layernorm.weight", $"{l}.post2");
            }

            if (s.HasQueryKeyNorms)
            {
                Vector(b + "self_attn.q_norm.weight", $"{l}.qnorm");
                Vector(b + "self_attn.k_norm.weight", $"{l}.knorm");
            }

            if (s.Architecture == "phi3")
            {
                Matrix(b + "self_attn.qkv_proj.weight", s.Hidden, $"{l}.q", $"{l}.k", $"{l}.v");
                Matrix(b + "mlp.gate_up_proj.weight", s.Hidden, $"{l}.gate", $"{l}.up");
            }
            else
            {
                foreach (string part in new[] { "q", "k", "v" })
                {
                    Matrix($"{b}self_attn.{part}_proj.weight", s.Hidden, $"{l}.{part}");
                    Vector($"{b}self_attn.{part}_proj.bias", $"{l}.{part}.bias");
                }

                Matrix(b + "mlp.gate_proj.weight", s.Hidden, $"{l}.gate");
                Matrix(b + "mlp.up_proj.weight", s.Hidden, $"{l}.up");
            }

            Matrix(b + "self_attn.o_proj.weight", s.Heads * s.HeadSize, $"{l}.o");
            Vector(b + "self_attn.o_proj.bias", $"{l}.o.bias");
            Matrix(b + "mlp.down_proj.weight", s.Inner, $"{l}.down");
        }

        Vector("model.norm.weight", "norm");
        if (!s.Tied)
            Matrix("lm_head.weight", s.Hidden, "head");
        return tensors;

        void Matrix(string name, int columns, params string[] parts)
        {
            double[] values = parts.SelectMany(part => model[part]).ToArray();
            tensors.Add((name, [values.Length / columns, columns], values));
        }

        void Vector(string name, params string[] parts)
        {
            if (!model.Has(parts[0]))
                return;
            double[] values = parts.SelectMany(part => model[part]).ToArray();
            tensors.Add((name, [values.Length], values));
        }

        void AddGpt2()
        {
            Matrix("transformer.wte.weight", s.Hidden, "embed");
            Matrix("transformer.wpe.weight", s.Hidden, "positions");
            for (int l = 0; l < s.Layers; l++)
            {
                string b = $"transformer.h.{l}.";
                Norm(b + "ln_1", $"{l}.norm1");
                Norm(b + "ln_2", $"{l}.norm2");
                Conv(b + "attn.c_attn", s.Hidden, $"{l}.q", $"{l}.k", $"{l}.v");
                Conv(b + "attn.c_proj", s.Hidden, $"{l}.o");
                Conv(b + "mlp.c_fc", s.Hidden, $"{l}.up");
                Conv(b + "mlp.c_proj", s.Inner, $"{l}.down");
                tensors.Add((b + "attn.bias", [1, 1, 4, 4], new double[16]));
            }

            Norm("transformer.ln_f", "norm");
        }

        void Norm(string name, string part)
        {
            Vector(name + ".weight", part);
            Vector(name + ".bias", part + ".bias");
        }

        // Conv1D keeps [inputs, outputs].
        void Conv(string name, int columns, params string[] parts)
        {
            double[] values = parts.SelectMany(part => model[part]).ToArray();
            int rows = values.Length / columns;
            var transposed = new double[values.Length];
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < columns; column++)
                    transposed[column * rows + row] = values[row * columns + column];
            }

            tensors.Add((name + ".weight", [columns, rows], transposed));
            Vector(name + ".bias", parts.Select(part => part + ".bias").ToArray());
        }
    }

    private static JsonObject Config(ReferenceShape s)
    {
        string architecture = s.Architecture switch
        {
            "llama" => s.SlidingWindow > 0 ? "MistralForCausalLM" : "LlamaForCausalLM",
            "qwen2" => "Qwen2ForCausalLM",
            "qwen3" => "Qwen3ForCausalLM",
            "gpt2" => "GPT2LMHeadModel",
            "phi3" => "Phi3ForCausalLM",
            "gemma2" => "Gemma2ForCausalLM",
            _ => "Gemma3ForCausalLM",
        };
        if (s.IsGpt2)
        {
            return new JsonObject
            {
                ["architectures"] = new JsonArray(architecture),
                ["vocab_size"] = s.Vocabulary,
                ["n_positions"] = s.Context,
                ["n_embd"] = s.Hidden,
                ["n_layer"] = s.Layers,
                ["n_head"] = s.Heads,
                ["n_inner"] = s.Inner == 4 * s.Hidden ? null : s.Inner,
                ["activation_function"] = "gelu_new",
                ["layer_norm_epsilon"] = s.Epsilon,
            };
        }

        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(architecture),
            ["vocab_size"] = s.Vocabulary,
            ["max_position_embeddings"] = s.Context,
            ["hidden_size"] = s.Hidden,
            ["num_hidden_layers"] = s.Layers,
            ["num_attention_heads"] = s.Heads,
            ["num_key_value_heads"] = s.KvHeads,
            ["head_dim"] = s.HeadSize,
            ["intermediate_size"] = s.Inner,
            [s.IsGemma ? "hidden_activation" : "hidden_act"] = s.IsGemma ? "gelu_pytorch_tanh" : "silu",
            ["rms_norm_eps"] = s.Epsilon,
            ["rope_theta"] = s.RopeBase,
            ["tie_word_embeddings"] = s.Tied,
            ["sliding_window"] = s.SlidingWindow > 0 ? s.SlidingWindow : null,
        };
        if (s.RotaryDimensions > 0)
            config["partial_rotary_factor"] = (double)s.RotaryDimensions / s.HeadSize;
        if (s.QueryPreAttentionScalar > 0)
            config["query_pre_attn_scalar"] = s.QueryPreAttentionScalar;
        if (s.Architecture == "gemma2")
        {
            config["attn_logit_softcapping"] = s.AttentionSoftCap;
            config["final_logit_softcapping"] = s.LogitSoftCap;
        }

        if (s.Architecture == "gemma3")
            config["rope_local_base_freq"] = s.LocalRopeBase;
        if (s.RopeType == "longrope")
            config["original_max_position_embeddings"] = s.OriginalContext;
        if (s.RopeType.Length > 0)
            config["rope_scaling"] = Scaling(s);
        return config;
    }

    private static JsonObject Scaling(ReferenceShape s)
    {
        var scaling = new JsonObject { ["rope_type"] = s.RopeType };
        if (s.RopeType == "longrope")
        {
            scaling["short_factor"] = new JsonArray([.. s.ShortFactors.Select(f => (JsonNode)f)]);
            scaling["long_factor"] = new JsonArray([.. s.LongFactors.Select(f => (JsonNode)f)]);
            return scaling;
        }

        scaling["factor"] = s.RopeFactor;
        if (s.OriginalContext > 0)
            scaling["original_max_position_embeddings"] = s.OriginalContext;
        if (s.RopeType == "llama3")
        {
            scaling["low_freq_factor"] = s.LowFrequencyFactor;
            scaling["high_freq_factor"] = s.HighFrequencyFactor;
        }

        return scaling;
    }
}
