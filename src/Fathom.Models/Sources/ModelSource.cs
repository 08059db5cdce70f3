using Fathom.Kernels.Formats;
using Fathom.Memory;
using Fathom.Models.Architectures;
using Fathom.Models.Gguf;
using Fathom.Models.Tokenization;

namespace Fathom.Models.Sources;

/// <summary>
/// A model on disk, whatever its container, seen as GGUF would store it: configuration, tensors by GGUF's names, tokenizer
/// and chat template.
/// </summary>
/// <remarks>The opener owns it. Reading is thread-safe.</remarks>
internal abstract class ModelSource : IDisposable
{
    /// <summary>File or folder, for messages.</summary>
    public abstract string Origin { get; }

    public abstract ModelConfig Config { get; }

    /// <summary>The chat template's source text, if the model brings one.</summary>
    public abstract string? ChatTemplate { get; }

    /// <summary>The tensors this model has, in the layout's order; required ones are all there and have their shapes.</summary>
    public IReadOnlyList<TensorSpec> Tensors { get; private set; } = [];

    /// <summary>Opens a GGUF file or a Hugging Face folder, and checks that its tensors are those of its configuration.</summary>
    public static ModelSource Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ModelSource source = Directory.Exists(path) ? HuggingFaceSource.Open(path) : GgufSource.Open(path);
        try
        {
            source.CheckTensors();
            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Whether the container has tokenizer data at all.</summary>
    public abstract bool HasTokenizer { get; }

    public abstract Tokenizer ReadTokenizer();

    /// <summary>Metadata of a GGUF file with this configuration, tokenizer and template; the caller may change it.</summary>
    public abstract GgufMetadata DescribeAsGguf();

    /// <summary>Storage type of a tensor that is there.</summary>
    public abstract TensorType TypeOf(TensorSpec spec);

    /// <summary>A tensor's values, row-major as GGUF stores them.</summary>
    public abstract TensorData Read(TensorSpec spec);

    /// <summary>Tells the system that a tensor will not be read again, so that its pages need not stay in memory.</summary>
    public abstract void Release(TensorSpec spec);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    /// <summary>Shape of a tensor with the contiguous dimension first, or null when it is not there.</summary>
    protected abstract IReadOnlyList<long>? ShapeOf(TensorSpec spec);

    /// <summary>Names of tensors in the container that no entry of the layout accounts for.</summary>
    protected abstract string? FindUnknown(IReadOnlyList<TensorSpec> present);

    private void CheckTensors()
    {
        var present = new List<TensorSpec>();
        foreach (TensorSpec spec in TensorLayout.List(Config))
        {
            IReadOnlyList<long>? shape = ShapeOf(spec);
            if (shape is null)
            {
                if (spec.Required)
                    throw new InvalidModelException(Origin, spec.Name, $"tensor is absent; a {Config.Architecture} model needs it");
                continue;
            }

            if (!SameShape(shape, spec.Shape))
                throw new InvalidModelException(Origin, spec.Name, $"has shape [{string.Join(", ", shape)}]; the hyperparameters ask for [{string.Join(", ", spec.Shape)}]");
            present.Add(spec);
        }

        // A tensor that nothing uses means that the model is more than we think, and would run but be wrong.
        if (FindUnknown(present) is { } unknown)
            throw new UnsupportedModelException(Origin, unknown, $"tensor is not part of a {Config.Architecture} model as implemented");
        Tensors = present;
    }

    /// <summary>Trailing dimensions of 1 make no difference.</summary>
    private static bool SameShape(IReadOnlyList<long> shape, long[] wanted)
    {
        for (int i = 0; i < Math.Max(shape.Count, wanted.Length); i++)
        {
            if ((i < shape.Count ? shape[i] : 1) != (i < wanted.Length ? wanted[i] : 1))
                return false;
        }

        return true;
    }
}

/// <summary>Values of one tensor; owns memory only when they had to be rearranged.</summary>
internal readonly struct TensorData(NativeView view, NativeBuffer? owner = null) : IDisposable
{
    public NativeView View => view;

    public void Dispose() => owner?.Dispose();
}
