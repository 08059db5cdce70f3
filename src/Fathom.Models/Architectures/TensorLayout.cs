using System.Globalization;

namespace Fathom.Models.Architectures;

/// <summary>The tensors that belong to a configuration, with their shapes, in the order files keep them.</summary>
internal static class TensorLayout
{
    /// <summary>Every tensor a model of this configuration has or may have.</summary>
    public static List<TensorSpec> List(ModelConfig config)
    {
        var specs = new List<TensorSpec>();
        int hidden = config.HiddenSize;
        specs.Add(Matrix(TensorRole.TokenEmbedding, -1, config.VocabularySize, hidden));
        if (config.Rotary is null)
            specs.Add(Matrix(TensorRole.PositionEmbedding, -1, config.ContextLength, hidden));
        for (int layer = 0; layer < config.Layers; layer++)
            AddBlock(specs, config, layer);
        AddNorm(specs, config, TensorRole.OutputNorm, -1, hidden);
        if (!config.TiedEmbeddings)
            specs.Add(Matrix(TensorRole.Output, -1, config.VocabularySize, hidden));
        return specs;
    }

    /// <summary>GGUF's name of a tensor.</summary>
    public static string NameOf(TensorRole role, int layer, TensorPart part)
    {
        string module = role switch
        {
            TensorRole.TokenEmbedding => "token_embd",
            TensorRole.PositionEmbedding => "position_embd",
            TensorRole.OutputNorm => "output_norm",
            TensorRole.Output => "output",
            TensorRole.AttentionNorm => "attn_norm",
            TensorRole.QueryKeyValue => "attn_qkv",
            TensorRole.Query => "attn_q",
            TensorRole.Key => "attn_k",
            TensorRole.Value => "attn_v",
            TensorRole.QueryNorm => "attn_q_norm",
            TensorRole.KeyNorm => "attn_k_norm",
            TensorRole.AttentionOutput => "attn_output",
            TensorRole.PostAttentionNorm => "post_attention_norm",
            TensorRole.FeedForwardNorm => "ffn_norm",
            TensorRole.GateUp or TensorRole.Up => "ffn_up",
            TensorRole.Gate => "ffn_gate",
            TensorRole.Down => "ffn_down",
            _ => "post_ffw_norm",
        };
        string suffix = part == TensorPart.Weight ? "weight" : "bias";
        return layer < 0
            ? $"{module}.{suffix}"
            : string.Create(CultureInfo.InvariantCulture, $"blk.{layer}.{module}.{suffix}");
    }

    private static void AddBlock(List<TensorSpec> specs, ModelConfig config, int layer)
    {
        int hidden = config.HiddenSize;
        int queryRows = config.Heads * config.HeadSize;
        int keyRows = config.KvHeads * config.HeadSize;
        bool qkvBias = config.RequiresQueryKeyValueBias || config.RequiresAllBiases;
        bool bias = config.RequiresAllBiases;

        AddNorm(specs, config, TensorRole.AttentionNorm, layer, hidden);
        if (config.FusedQueryKeyValue)
        {
            AddLinear(specs, TensorRole.QueryKeyValue, layer, queryRows + 2 * keyRows, hidden, qkvBias);
        }
        else
        {
            AddLinear(specs, TensorRole.Query, layer, queryRows, hidden, qkvBias);
            AddLinear(specs, TensorRole.Key, layer, keyRows, hidden, qkvBias);
            AddLinear(specs, TensorRole.Value, layer, keyRows, hidden, qkvBias);
        }

        if (config.QueryKeyNorms)
        {
            AddNorm(specs, config, TensorRole.QueryNorm, layer, config.HeadSize);
            AddNorm(specs, config, TensorRole.KeyNorm, layer, config.HeadSize);
        }

        AddLinear(specs, TensorRole.AttentionOutput, layer, hidden, queryRows, bias);
        if (config.PostNorms)
            AddNorm(specs, config, TensorRole.PostAttentionNorm, layer, hidden);

        AddNorm(specs, config, TensorRole.FeedForwardNorm, layer, hidden);
        if (config.FusedGateUp)
        {
            AddLinear(specs, TensorRole.GateUp, layer, 2 * config.FeedForwardSize, hidden, bias);
        }
        else
        {
            if (config.FeedForward != FeedForwardKind.Gelu)
                AddLinear(specs, TensorRole.Gate, layer, config.FeedForwardSize, hidden, bias);
            AddLinear(specs, TensorRole.Up, layer, config.FeedForwardSize, hidden, bias);
        }

        AddLinear(specs, TensorRole.Down, layer, hidden, config.FeedForwardSize, bias);
        if (config.PostNorms)
            AddNorm(specs, config, TensorRole.PostFeedForwardNorm, layer, hidden);
    }

    private static TensorSpec Matrix(TensorRole role, int layer, int rows, int columns) =>
        new(NameOf(role, layer, TensorPart.Weight), role, layer, rows, columns, TensorPart.Weight, Required: true);

    private static void AddLinear(List<TensorSpec> specs, TensorRole role, int layer, int rows, int columns, bool requiresBias)
    {
        specs.Add(Matrix(role, layer, rows, columns));
        specs.Add(new TensorSpec(NameOf(role, layer, TensorPart.Bias), role, layer, 1, rows, TensorPart.Bias, requiresBias));
    }

    private static void AddNorm(List<TensorSpec> specs, ModelConfig config, TensorRole role, int layer, int columns)
    {
        specs.Add(new TensorSpec(NameOf(role, layer, TensorPart.Weight), role, layer, 1, columns, TensorPart.Weight, Required: true));
        if (config.Norm == NormKind.Layer)
            specs.Add(new TensorSpec(NameOf(role, layer, TensorPart.Bias), role, layer, 1, columns, TensorPart.Bias, Required: true));
    }
}
