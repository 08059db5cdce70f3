using Fathom.BuiltinModel.Tokenizer;
using Fathom.Kernels.Formats;
using Fathom.Models.Gguf;

namespace Fathom.BuiltinModel.Training;

/// <summary>Writes the trained network as GGUF: matrices in Q8_0, norms in f32, tokenizer and chat template in the metadata.</summary>
internal static class ModelFile
{
    private const int FileTypeQ8_0 = 7;
    private const int TokenNormal = 1;
    private const int TokenControl = 3;
    private const int TokenUnused = 5;

    public static void Write(string path, NetworkShape shape, NetworkWeights weights, BytePairVocabulary vocabulary)
    {
        GgufTensorPlan[] plans = [.. weights.Parameters.Select(p =>
            p.IsNorm ? new GgufTensorPlan(p.Name, TensorType.F32, p.Columns) : new GgufTensorPlan(p.Name, TensorType.Q8_0, p.Columns, p.Rows))];
        using GgufWriter writer = GgufWriter.Create(path, Metadata(path, shape, vocabulary), plans);
        for (int i = 0; i < plans.Length; i++)
            writer.Write(i, 0, Encode(weights, weights.Parameters[i]));
        writer.Complete();
    }

    /// <summary>The weights of a file of this shape, decoded.</summary>
    /// <exception cref="InvalidDataException">The file lacks a tensor of the network, or has it in another size.</exception>
    public static NetworkWeights ReadWeights(GgufFile file, NetworkShape shape)
    {
        var weights = new NetworkWeights(shape);
        foreach (NetworkParameter parameter in weights.Parameters)
        {
            if (!file.TryGetTensor(parameter.Name, out GgufTensor? tensor) || tensor.Columns != parameter.Columns || tensor.Rows != parameter.Rows)
                throw new InvalidDataException($"{file.Path}: no tensor {parameter.Name} of {parameter.Rows} x {parameter.Columns}");
            BlockCodec.Decode(tensor.Type, file.View(tensor).AsSpan<byte>(), weights.Values(parameter));
        }

        return weights;
    }

    /// <summary>Replaces the matrices by what a reader of the file gets back, so that the stated figures are those of the file.</summary>
    public static void Quantise(NetworkWeights weights)
    {
        foreach (NetworkParameter parameter in weights.Parameters)
        {
            if (!parameter.IsNorm)
                BlockCodec.Decode(TensorType.Q8_0, Encode(weights, parameter), weights.Values(parameter));
        }
    }

    private static byte[] Encode(NetworkWeights weights, NetworkParameter parameter)
    {
        TensorType type = parameter.IsNorm ? TensorType.F32 : TensorType.Q8_0;
        var bytes = new byte[BlockFormat.Get(type).RowBytes(parameter.Count)];
        BlockCodec.Encode(type, weights.Values(parameter), bytes);
        return bytes;
    }

    private static GgufMetadata Metadata(string path, NetworkShape shape, BytePairVocabulary vocabulary)
    {
        var metadata = new GgufMetadata(path);
        metadata.Set("general.architecture", "llama");
        metadata.Set("general.name", "Fathom Built-in");
        metadata.Set("general.description", "A very small story model that the Fathom repository makes from nothing but its own code.");
        metadata.Set("general.license", "apache-2.0");
        metadata.Set("general.file_type", (uint)FileTypeQ8_0);
        metadata.Set("general.quantization_version", 2u);
        metadata.Set("llama.vocab_size", (uint)shape.Vocabulary);
        metadata.Set("llama.context_length", (uint)shape.Context);
        metadata.Set("llama.embedding_length", (uint)shape.Hidden);
        metadata.Set("llama.block_count", (uint)shape.Layers);
        metadata.Set("llama.feed_forward_length", (uint)shape.FeedForward);
        metadata.Set("llama.attention.head_count", (uint)shape.Heads);
        metadata.Set("llama.attention.head_count_kv", (uint)shape.KvHeads);
        metadata.Set("llama.attention.layer_norm_rms_epsilon", shape.NormEpsilon);
        metadata.Set("llama.rope.dimension_count", (uint)shape.HeadSize);
        metadata.Set("llama.rope.freq_base", shape.RopeBase);

        int[] ids = [.. Enumerable.Range(0, vocabulary.Count)];
        metadata.Set("tokenizer.ggml.model", "gpt2");
        metadata.Set("tokenizer.ggml.pre", "gpt-2");
        metadata.Set("tokenizer.ggml.tokens", ids.Select(vocabulary.Text).ToArray());
        metadata.Set("tokenizer.ggml.token_type", ids.Select(id => vocabulary.IsSpecial(id) ? TokenControl : vocabulary.IsUsed(id) ? TokenNormal : TokenUnused).ToArray());
        metadata.Set("tokenizer.ggml.merges", vocabulary.Merges.Select(m => $"{vocabulary.Text(m.Left)} {vocabulary.Text(m.Right)}").ToArray());
        metadata.Set("tokenizer.ggml.bos_token_id", (uint)vocabulary.Special(ChatFormat.TextEnd));
        metadata.Set("tokenizer.ggml.eos_token_id", (uint)vocabulary.Special(ChatFormat.MessageEnd));
        metadata.Set("tokenizer.ggml.padding_token_id", (uint)vocabulary.Special(ChatFormat.TextEnd));
        metadata.Set("tokenizer.ggml.add_bos_token", false);
        metadata.Set("tokenizer.chat_template", ChatFormat.Template);
        return metadata;
    }
}
