using System.Globalization;
using Fathom.Kernels.Formats;
using Fathom.Models.Gguf;

namespace Fathom.Models.Architectures;

/// <summary>Hyperparameters under one architecture's prefix in GGUF metadata, with range checks.</summary>
internal sealed class GgufKeys(GgufFile file, string architecture)
{
    public string Architecture => architecture;

    public string Origin => file.Path;

    public GgufMetadata Metadata => file.Metadata;

    public bool Has(string key) => Metadata.Contains(Full(key));

    public bool HasTensor(string name) => file.TryGetTensor(name, out _);

    /// <summary>A required integer in a range; an array counts when all its elements are the same.</summary>
    public int Int(string key, int min, int max) =>
        Has(key) ? CheckedInt(key, min, max) : throw new InvalidModelException(Origin, Full(key), "required metadata key is absent");

    public int Int(string key, int min, int max, int absent) => Has(key) ? CheckedInt(key, min, max) : absent;

    public float Float(string key, float min, float max, float? absent = null)
    {
        if (!Metadata.TryGetSingle(Full(key), out float value))
            return absent ?? throw new InvalidModelException(Origin, Full(key), "required metadata key is absent");
        return value >= min && value <= max
            ? value
            : throw new InvalidModelException(Origin, Full(key), string.Create(CultureInfo.InvariantCulture, $"is {value}; {min} to {max} is possible"));
    }

    public string? Text(string key) => Metadata.TryGetString(Full(key), out string? value) ? value : null;

    public string Full(string key) => $"{architecture}.{key}";

    /// <summary>Rows of the embedding: the vocabulary as the model has it.</summary>
    public int VocabularySize()
    {
        const string Name = "token_embd.weight";
        if (!file.TryGetTensor(Name, out GgufTensor? tensor))
            throw new InvalidModelException(Origin, Name, "tensor is absent: not a model, or its vocabulary only");
        return tensor.Rows is >= 1 and <= Limits.VocabularyMax
            ? (int)tensor.Rows
            : throw new InvalidModelException(Origin, Name, $"has {tensor.Rows} rows; 1 to {Limits.VocabularyMax} are possible");
    }

    /// <summary>Frequency factors stored as an f32 tensor, or null when it is not there.</summary>
    public float[]? Factors(string tensorName, int count)
    {
        if (!file.TryGetTensor(tensorName, out GgufTensor? tensor))
            return null;
        if (tensor.Type != TensorType.F32 || tensor.Columns * tensor.Rows != count)
            throw new InvalidModelException(Origin, tensorName, $"holds {tensor.Columns * tensor.Rows} values of {tensor.Type}; {count} of F32 are needed");
        float[] factors = file.View(tensor).AsSpan<float>().ToArray();
        foreach (float factor in factors)
        {
            if (!(factor > 0) || !float.IsFinite(factor))
                throw new InvalidModelException(Origin, tensorName, string.Create(CultureInfo.InvariantCulture, $"holds the factor {factor}"));
        }

        return factors;
    }

    private int CheckedInt(string key, int min, int max)
    {
        string full = Full(key);
        int value;
        if (Metadata[full].Type == GgufValueType.Array && Metadata.TryGetInt32s(full, out int[]? values))
        {
            if (values.Length == 0 || values.AsSpan().IndexOfAnyExcept(values[0]) >= 0)
                throw new UnsupportedModelException(Origin, full, "differs from layer to layer");
            value = values[0];
        }
        else
        {
            value = Metadata.GetInt32(full);
        }

        return value >= min && value <= max
            ? value
            : throw new InvalidModelException(Origin, full, $"is {value}; {min} to {max} is possible");
    }
}
