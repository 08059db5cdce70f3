using Fathom.Kernels.Attention;
using Fathom.Kernels.Parallelism;
using Fathom.Models.Architectures;
using Fathom.Models.Execution.PackedCache;
using Fathom.Models.Sources;
using Fathom.Models.Tokenization;

namespace Fathom.Models.Execution;

/// <summary>A loaded model: tokens in, logits out, with keys and values in storage that the caller keeps.</summary>
/// <remarks>
/// The loader owns it. One thread at a time calls <see cref="Forward"/>, which shares the work over the model's threads;
/// everything else may be called from any thread. A sequence's logits have the same bits whatever else is in the batch,
/// however its prompt was cut into chunks, and whatever the number of threads (on one kind of processor).
/// </remarks>
public sealed class TransformerModel : IDisposable
{
    private readonly ModelSource _source;
    private readonly ModelWeights _weights;
    private readonly PackedCacheFile? _packed;
    private readonly ComputePool _pool;
    private readonly bool _ownsPool;
    private readonly ForwardPass _forward;
    private readonly Tokenizer? _tokenizer;

    private TransformerModel(
        ModelSource source, ModelWeights weights, PackedCacheFile? packed, Tokenizer? tokenizer, ComputePool pool, ModelLoadOptions options)
    {
        _packed = packed;
        _source = source;
        _weights = weights;
        _pool = pool;
        _ownsPool = options.Pool is null;
        _tokenizer = tokenizer;
        _forward = new ForwardPass(source.Config, weights, pool, options.ContextLength > 0 ? options.ContextLength : source.Config.ContextLength);
    }

    /// <summary>The model's hyperparameters.</summary>
    public ModelConfig Config => _source.Config;

    /// <summary>The model's tokenizer. Its vocabulary may be smaller than the model's, which may be padded.</summary>
    /// <exception cref="InvalidModelException">The model was loaded from a file that has none.</exception>
    public Tokenizer Tokenizer => _tokenizer ?? throw new InvalidModelException(_source.Origin, "tokenizer", "the model brings none");

    /// <summary>Whether the model brings a tokenizer.</summary>
    public bool HasTokenizer => _tokenizer is not null;

    /// <summary>Source text of the chat template that the model brings, or null.</summary>
    public string? ChatTemplateSource => _source.ChatTemplate;

    /// <summary>Compute threads in use, the caller's included.</summary>
    public int Threads => _pool.Threads;

    /// <summary>What became of <see cref="ModelLoadOptions.KeepsPacked"/>.</summary>
    public PackedCacheState PackedCache { get; private init; }

    /// <summary>Told where the time of forward passes goes; null measures nothing.</summary>
    public OperatorClock? Clock
    {
        get => _forward.Clock;
        set => _forward.Clock = value;
    }

    /// <summary>Loads a .gguf file or a Hugging Face folder.</summary>
    /// <param name="path">File or folder.</param>
    /// <param name="options">Threads and progress; null for the defaults.</param>
    /// <exception cref="ModelException">What is there is not a model that can be run; the message says why.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static TransformerModel Load(string path, ModelLoadOptions? options = null)
    {
        options ??= new ModelLoadOptions();
        ModelSource source = ModelSource.Open(path);
        ComputePool? ownPool = null;
        ModelWeights? weights = null;
        PackedCacheFile? packed = null;
        PackedCacheWriter? writer = null;
        try
        {
            Tokenizer? tokenizer = source.HasTokenizer ? source.ReadTokenizer() : null;
            ComputePool pool = options.Pool ?? (ownPool = new ComputePool(options.Threads > 0 ? options.Threads : ProcessorCores.Usable));
            if (options.KeepsPacked && File.Exists(path))
            {
                byte[] fingerprint = SourceFingerprint.Of(path);
                packed = PackedCacheFile.Open(path, fingerprint, pool);
                writer = packed is null ? new PackedCacheWriter(path, fingerprint) : null;
            }

            weights = WeightLoader.Load(source, pool, options.Progress, packed, writer);
            PackedCacheState state = packed is not null ? PackedCacheState.Mapped
                : writer is null ? PackedCacheState.Off
                : writer.Finish() ? PackedCacheState.Written : PackedCacheState.Unwritable;
            return new TransformerModel(source, weights, packed, tokenizer, pool, options) { PackedCache = state };
        }
        catch
        {
            weights?.Dispose();
            packed?.Dispose();
            ownPool?.Dispose();
            source.Dispose();
            throw;
        }
        finally
        {
            writer?.Dispose();
        }
    }

    /// <summary>Memory for keys and values of this model.</summary>
    /// <param name="blocks">Blocks of 16 positions.</param>
    /// <param name="type">How they are stored.</param>
    public KvStorage CreateKvStorage(int blocks, KvType type) => new(Config.Layers, blocks, Config.KvHeads, Config.HeadSize, type);

    /// <summary>Bytes that one block of <see cref="CreateKvStorage"/> takes.</summary>
    public long KvBlockBytes(KvType type) => KvStorage.BytesFor(Config.Layers, 1, Config.KvHeads, Config.HeadSize, type);

    /// <summary>Runs the model over a batch: appends keys and values of all its tokens, and writes the logits asked for.</summary>
    /// <param name="batch">Tokens and where each sequence's keys and values live.</param>
    /// <param name="kv">From <see cref="CreateKvStorage"/>; holds the earlier positions of every sequence.</param>
    /// <param name="logits">[batch.LogitRowCount, Config.VocabularySize], row-major; overwritten.</param>
    /// <exception cref="ArgumentException">
    /// A token outside the vocabulary, a position beyond learned positions, a block outside the storage, or logits of another size.
    /// </exception>
    /// <remarks>Allocates nothing once batches of the same size have been seen.</remarks>
    public void Forward(ForwardBatch batch, KvStorage kv, Span<float> logits)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(kv);
        _forward.Run(batch, kv, logits);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _forward.Dispose();
        _weights.Dispose();
        _packed?.Dispose();
        if (_ownsPool)
            _pool.Dispose();
        _source.Dispose();
    }
}
