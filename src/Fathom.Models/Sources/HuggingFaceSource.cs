using System.Globalization;
using Fathom.Kernels.Formats;
using Fathom.Memory;
using Fathom.Models.Architectures;
using Fathom.Models.Gguf;
using Fathom.Models.HuggingFace;
using Fathom.Models.SafeTensors;
using Fathom.Models.Tokenization;

namespace Fathom.Models.Sources;

/// <summary>A model in a Hugging Face folder: config.json, safetensors, tokenizer files.</summary>
internal sealed class HuggingFaceSource : ModelSource
{
    private readonly string _folder;
    private readonly ArchitectureFamily _family;
    private readonly SafeTensorsModel _weights;
    private readonly string _prefix;
    private readonly string _outputPrefix;

    private HuggingFaceSource(string folder, ArchitectureFamily family, ModelConfig config, SafeTensorsModel weights)
    {
        _folder = folder;
        _family = family;
        _weights = weights;
        Config = config;
        ChatTemplate = HuggingFaceFolder.ReadChatTemplate(folder);
        string embedding = family.HuggingFaceModule(TensorRole.TokenEmbedding) + ".weight";
        _prefix = family.HuggingFacePrefixes.FirstOrDefault(prefix => weights.TryGetTensor(prefix + embedding, out _))
            ?? throw new InvalidModelException(folder, family.HuggingFacePrefixes[0] + embedding, "tensor is absent");
        _outputPrefix = family.HuggingFaceOutputPrefixes.FirstOrDefault(prefix => weights.TryGetTensor(prefix + "lm_head.weight", out _)) ?? string.Empty;
    }

    public override string Origin => _folder;

    public override ModelConfig Config { get; }

    public override string? ChatTemplate { get; }

    public static new HuggingFaceSource Open(string folder)
    {
        (ArchitectureFamily family, ModelConfig config) = HuggingFaceFolder.ReadConfig(folder);
        SafeTensorsModel weights = SafeTensorsModel.Open(folder);
        try
        {
            return new HuggingFaceSource(folder, family, config, weights);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public override bool HasTokenizer => File.Exists(Path.Combine(_folder, "tokenizer.json"));

    public override Tokenizer ReadTokenizer() => Tokenizer.FromHuggingFace(_folder);

    public override GgufMetadata DescribeAsGguf()
    {
        var metadata = new GgufMetadata(_folder);
        GgufConfigWriter.Write(Config, metadata);
        if (HasTokenizer)
            GgufTokenizerWriter.Write(_folder, Config.VocabularySize, metadata);
        if (ChatTemplate is { } template)
            metadata.Set("tokenizer.chat_template", template);
        return metadata;
    }

    public override TensorType TypeOf(TensorSpec spec)
    {
        SafeTensor tensor = Find(spec);
        return tensor.ElementType switch
        {
            "F32" => TensorType.F32,
            "F16" => TensorType.F16,
            "BF16" => TensorType.BF16,
            _ => throw new UnsupportedModelException(Origin, tensor.Name, $"dtype {tensor.ElementType} is not implemented for weights; F32, F16 and BF16 are"),
        };
    }

    public override TensorData Read(TensorSpec spec)
    {
        NativeView stored = _weights.View(Find(spec));
        TensorTransform transform = _family.Transform(spec);
        if (transform == TensorTransform.None)
            return new TensorData(stored);
        NativeBuffer rearranged = TensorRearrangement.Apply(transform, TypeOf(spec), spec, Config, stored);
        return new TensorData(rearranged.View, rearranged);
    }

    public override void Release(TensorSpec spec) => _weights.Release(Find(spec));

    protected override IReadOnlyList<long>? ShapeOf(TensorSpec spec)
    {
        if (!_weights.TryGetTensor(HuggingFaceName(spec), out SafeTensor? tensor))
            return null;
        long[] shape = [.. tensor.Shape];
        if (_family.Transform(spec) != TensorTransform.Transpose)
            Array.Reverse(shape);
        return shape;
    }

    protected override string? FindUnknown(IReadOnlyList<TensorSpec> present)
    {
        var known = present.Select(HuggingFaceName).ToHashSet(StringComparer.Ordinal);
        // Outside the decoder's blocks stand other modalities and copies of tied weights, which text does not need.
        string blocks = _prefix + _family.HuggingFaceModule(TensorRole.AttentionNorm).Split('{')[0];
        return _weights.Names.FirstOrDefault(name => name.StartsWith(blocks, StringComparison.Ordinal) && !known.Contains(name) && !IsBuffer(name));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _weights.Dispose();
    }

    /// <summary>Constants that old checkpoints saved along with the weights: rotary frequencies and causal masks.</summary>
    private static bool IsBuffer(string name) =>
        name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal) || name.EndsWith(".attn.bias", StringComparison.Ordinal)
        || name.EndsWith(".attn.masked_bias", StringComparison.Ordinal);

    private string HuggingFaceName(TensorSpec spec)
    {
        string module = _family.HuggingFaceModule(spec.Role);
        int layerAt = module.IndexOf("{0}", StringComparison.Ordinal);
        if (layerAt >= 0)
            module = string.Concat(module.AsSpan(0, layerAt), spec.Layer.ToString(CultureInfo.InvariantCulture), module.AsSpan(layerAt + 3));
        string prefix = spec.Role == TensorRole.Output ? _outputPrefix : _prefix;
        return prefix + module + (spec.Part == TensorPart.Weight ? ".weight" : ".bias");
    }

    private SafeTensor Find(TensorSpec spec)
    {
        string name = HuggingFaceName(spec);
        return _weights.TryGetTensor(name, out SafeTensor? tensor) ? tensor : throw new InvalidModelException(Origin, name, "tensor is absent");
    }
}
