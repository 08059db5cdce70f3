namespace Fathom.Models.Architectures;

/// <summary>Kind of the normalisation layers.</summary>
public enum NormKind
{
    /// <summary>x / rms(x) · w.</summary>
    Rms,

    /// <summary>(x - mean) / deviation · w + b.</summary>
    Layer,
}

/// <summary>The non-linearity of the feed-forward part.</summary>
public enum FeedForwardKind
{
    /// <summary>down(silu(gate(x)) · up(x)).</summary>
    SwiGlu,

    /// <summary>down(gelu_tanh(gate(x)) · up(x)).</summary>
    GeGlu,

    /// <summary>down(gelu_tanh(up(x))), no gate.</summary>
    Gelu,
}

/// <summary>Hyperparameters of a decoder, normalised from GGUF metadata or a Hugging Face config; validated, immutable.</summary>
public sealed record ModelConfig
{
    /// <summary>GGUF's name of the architecture: llama, qwen2, qwen3, gpt2, phi3, gemma2, gemma3.</summary>
    public required string Architecture { get; init; }

    /// <summary>The model's own name, when it gives one.</summary>
    public string? Name { get; init; }

    /// <summary>Rows of the embedding and of the logits.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Longest context the model states.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Transformer blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; divides <see cref="Heads"/>.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Dimensions of a head (query, key and value alike).</summary>
    public required int HeadSize { get; init; }

    /// <summary>Inner width of the feed-forward part.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>Kind of normalisation.</summary>
    public NormKind Norm { get; init; }

    /// <summary>ε of the normalisations.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Feed-forward non-linearity.</summary>
    public FeedForwardKind FeedForward { get; init; }

    /// <summary>Rotary embedding of layers with global attention; null with learned positions.</summary>
    public RotaryConfig? Rotary { get; init; }

    /// <summary>Rotary embedding of layers with a sliding window, when it differs.</summary>
    public RotaryConfig? LocalRotary { get; init; }

    /// <summary>Attention window of each layer in tokens, itself included; 0 = the whole context. [Layers].</summary>
    public required IReadOnlyList<int> SlidingWindows { get; init; }

    /// <summary>Factor on q·k.</summary>
    public required float AttentionScale { get; init; }

    /// <summary>Soft cap of attention scores; 0 = none.</summary>
    public float AttentionSoftCap { get; init; }

    /// <summary>Soft cap of the logits; 0 = none.</summary>
    public float LogitSoftCap { get; init; }

    /// <summary>Factor on the token embeddings.</summary>
    public float EmbeddingScale { get; init; } = 1;

    /// <summary>Normalisation of each query and key head before the rotation.</summary>
    public bool QueryKeyNorms { get; init; }

    /// <summary>Normalisation also after attention and after the feed-forward part, before each is added.</summary>
    public bool PostNorms { get; init; }

    /// <summary>True when the output projection is the token embedding.</summary>
    public bool TiedEmbeddings { get; init; }

    /// <summary>Query, key and value projections are one tensor in the file, rows in this order.</summary>
    public bool FusedQueryKeyValue { get; init; }

    /// <summary>Gate and up projections are one tensor in the file, gate first.</summary>
    public bool FusedGateUp { get; init; }

    /// <summary>Query, key and value projections must have biases; elsewhere they may.</summary>
    public bool RequiresQueryKeyValueBias { get; init; }

    /// <summary>Every projection and norm must have a bias.</summary>
    public bool RequiresAllBiases { get; init; }

    /// <summary>True when a layer rotates with <see cref="LocalRotary"/>.</summary>
    public bool UsesLocalRotary(int layer) => LocalRotary is not null && SlidingWindows[layer] > 0;
}
