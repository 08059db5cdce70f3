using Fathom.Kernels.Formats;
using Fathom.Models.Architectures;
using Fathom.Models.Gguf;
using Fathom.Models.Tokenization;

namespace Fathom.Models.Sources;

/// <summary>A model in a GGUF file.</summary>
internal sealed class GgufSource : ModelSource
{
    private const string ArchitectureKey = "general.architecture";

    /// <summary>Tensors that <see cref="ModelConfig"/> already holds.</summary>
    private static readonly HashSet<string> ConfigTensors = ["rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"];

    private readonly GgufFile _file;

    private GgufSource(GgufFile file)
    {
        _file = file;
        string architecture = file.Metadata.GetString(ArchitectureKey);
        ArchitectureFamily family = ArchitectureFamily.All.FirstOrDefault(f => f.Name == architecture)
            ?? throw new UnsupportedModelException(file.Path, ArchitectureKey, $"is {architecture}; implemented are {ArchitectureFamily.Supported}");
        Config = family.FromGguf(new GgufKeys(file, architecture));
    }

    public override string Origin => _file.Path;

    public override ModelConfig Config { get; }

    public override string? ChatTemplate => _file.Metadata.TryGetString("tokenizer.chat_template", out string? source) ? source : null;

    public static new GgufSource Open(string path)
    {
        GgufFile file = GgufFile.Open(path);
        try
        {
            return new GgufSource(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override bool HasTokenizer => _file.Metadata.Contains("tokenizer.ggml.model");

    public override Tokenizer ReadTokenizer() => Tokenizer.FromGguf(_file.Metadata);

    public override GgufMetadata DescribeAsGguf()
    {
        var copy = new GgufMetadata(_file.Path);
        foreach (string key in _file.Metadata.Keys)
            copy.Set(key, _file.Metadata[key]);
        return copy;
    }

    public override TensorType TypeOf(TensorSpec spec) => Find(spec).Type;

    public override TensorData Read(TensorSpec spec) => new(_file.View(Find(spec)));

    public override void Release(TensorSpec spec) => _file.Release(Find(spec));

    protected override IReadOnlyList<long>? ShapeOf(TensorSpec spec) =>
        _file.TryGetTensor(spec.Name, out GgufTensor? tensor) ? tensor.Shape : null;

    protected override string? FindUnknown(IReadOnlyList<TensorSpec> present)
    {
        var known = present.Select(spec => spec.Name).ToHashSet(StringComparer.Ordinal);
        return _file.Tensors.FirstOrDefault(tensor => !known.Contains(tensor.Name) && !ConfigTensors.Contains(tensor.Name))?.Name;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _file.Dispose();
    }

    private GgufTensor Find(TensorSpec spec) =>
        _file.TryGetTensor(spec.Name, out GgufTensor? tensor) ? tensor : throw new InvalidModelException(Origin, spec.Name, "tensor is absent");
}
