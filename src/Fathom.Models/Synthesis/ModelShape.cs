using Fathom.Kernels.Rotary;
using Fathom.Models.Architectures;

namespace Fathom.Models.Synthesis;

/// <summary>A size of model that can be made up: Llama's architecture with random weights.</summary>
/// <remarks>Every row length is a multiple of 256, so that each storage type fits.</remarks>
public sealed class ModelShape
{
    private ModelShape(string name, int layers, int hidden, int heads, int kvHeads, int inner, int vocabulary, int context, bool tied)
    {
        Name = name;
        Config = new ModelConfig
        {
            Architecture = "llama",
            Name = $"fathom-synthetic-{name}",
            VocabularySize = vocabulary,
            ContextLength = context,
            Layers = layers,
            HiddenSize = hidden,
            Heads = heads,
            KvHeads = kvHeads,
            HeadSize = hidden / heads,
            FeedForwardSize = inner,
            NormEpsilon = 1e-5f,
            Rotary = new RotaryConfig { Dimensions = hidden / heads, Base = 10000, Layout = RotaryLayout.Interleaved },
            SlidingWindows = new int[layers],
            AttentionScale = (float)(1 / Math.Sqrt(hidden / heads)),
            TiedEmbeddings = tied,
        };
    }

    /// <summary>Every shape, the smallest first.</summary>
    public static IReadOnlyList<ModelShape> All { get; } =
    [
        new("tiny", layers: 2, hidden: 256, heads: 4, kvHeads: 2, inner: 512, vocabulary: 1024, context: 2048, tied: true),
        new("125m", layers: 12, hidden: 768, heads: 12, kvHeads: 4, inner: 3072, vocabulary: 32000, context: 4096, tied: true),
        new("1b", layers: 22, hidden: 2048, heads: 32, kvHeads: 4, inner: 5632, vocabulary: 32000, context: 4096, tied: false),
    ];

    /// <summary>Name on the command line.</summary>
    public string Name { get; }

    /// <summary>Hyperparameters of the shape.</summary>
    public ModelConfig Config { get; }

    /// <summary>Looks a shape up by name.</summary>
    /// <returns>Null when there is none of that name.</returns>
    public static ModelShape? Find(string name) => All.FirstOrDefault(shape => shape.Name == name);
}
