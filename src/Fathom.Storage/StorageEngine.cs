using Fathom.Storage.Chains;
using Fathom.Storage.Kernel;
using Fathom.Storage.Threads;
using Fathom.Storage.Uring;

namespace Fathom.Storage;

/// <summary>Runs chains: reads a block, runs the function over it, reads what the function asks for next.</summary>
/// <remarks>
/// Any thread may call any member at any time. Every engine gives the same results: the steps of a chain run one after the
/// other, over its reads in the order in which they were asked for, whatever order the device answers in.
/// </remarks>
public abstract class StorageEngine : IDisposable
{
    private protected StorageEngine(EngineChoice choice, StorageEngineOptions options)
    {
        Choice = choice;
        Options = options;
    }

    /// <summary>The engine in use and why.</summary>
    public EngineChoice Choice { get; internal set; }

    /// <summary>What the engine has done so far.</summary>
    public abstract EngineCounters Counters { get; }

    private protected StorageEngineOptions Options { get; }

    /// <summary>Starts the engine that the options ask for, or the best that works.</summary>
    /// <exception cref="StorageEngineException">The kind that was asked for cannot be had.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static StorageEngine Start(StorageEngineOptions? options = null)
    {
        options ??= new StorageEngineOptions();
        CheckRanges(options);
        if (options.Kind == EngineKind.Kernel)
            return KernelEngine.TryStart(options, out var reason) ?? throw new StorageEngineException(EngineKind.Kernel, reason);
        if (options.Kind == EngineKind.Threads)
            return new ThreadEngine(new EngineChoice(EngineKind.Threads, "threads were asked for"), options);
        if (UringEngine.TryStart(options, out var refusal) is { } engine)
            return engine;
        return options.Kind == EngineKind.Auto
            ? new ThreadEngine(new EngineChoice(EngineKind.Threads, $"no io_uring: {refusal}"), options)
            : throw new StorageEngineException(EngineKind.Uring, refusal);
    }

    /// <summary>Opens a file whose chains this engine runs; the engine stays the caller's.</summary>
    /// <exception cref="StorageFileException">The file cannot be opened so.</exception>
    public StorageFile Open(string path, StorageFileOptions? options = null) =>
        StorageFile.Open(path, options ?? new StorageFileOptions(), this, ownsEngine: false);

    /// <summary>Runs one chain and waits for it.</summary>
    /// <exception cref="ArgumentException">The file belongs to another engine, the scratch is too large, or a limit is negative.</exception>
    public ChainResult Run(in ChainRequest request)
    {
        var result = default(ChainResult);
        RunBatch(new ReadOnlySpan<ChainRequest>(in request), new Span<ChainResult>(ref result));
        return result;
    }

    /// <summary>Runs many chains at once, <see cref="StorageEngineOptions.ChainsMax"/> of them in flight, and waits for all.</summary>
    /// <param name="requests">The chains; they do not share scratch.</param>
    /// <param name="results">How they ended, in the order of the requests; at least as long.</param>
    /// <exception cref="ArgumentException">
    /// The results do not fit, two chains share scratch, or a request has a file of another engine, too much scratch or negative limits.
    /// </exception>
    public void RunBatch(ReadOnlySpan<ChainRequest> requests, Span<ChainResult> results)
    {
        if (results.Length < requests.Length)
            throw new ArgumentException($"{requests.Length} chains need as many results, not {results.Length}.", nameof(results));
        foreach (ref readonly var request in requests)
            Check(request);
        SharedScratch.ThrowIfAny(requests);
        if (Chain.IsInStep)
            throw new InvalidOperationException("A function cannot wait for chains: it runs on the thread that completes reads.");
        RunAll(requests, results);
    }

    /// <summary>Runs one chain; the caller goes on.</summary>
    /// <returns>How it ended; await it once. Waits for room when <see cref="StorageEngineOptions.ChainsMax"/> asynchronous chains are in flight.</returns>
    /// <exception cref="ArgumentException">The file belongs to another engine, the scratch is too large, or a limit is negative.</exception>
    public ValueTask<ChainResult> RunAsync(in ChainRequest request)
    {
        Check(request);
        return Queue(request);
    }

    /// <summary>Ends the chains in flight as <see cref="ChainStatus.Closed"/>, waits for their reads and frees everything.</summary>
    /// <exception cref="InvalidOperationException">A function tries to close the engine that runs it.</exception>
    public void Dispose()
    {
        if (Chain.IsInStep)
            throw new InvalidOperationException("A function cannot close an engine: the engine would wait for the function.");
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>A file is to be read by this engine.</summary>
    /// <exception cref="StorageFileException">The engine cannot read it.</exception>
    internal virtual void Adopt(StorageFile file)
    {
    }

    /// <summary>A file of this engine was closed: nothing here may keep it open once its chains have ended.</summary>
    internal virtual void Forget(StorageFile file)
    {
    }

    /// <summary>Runs chains that were checked.</summary>
    internal abstract void RunAll(ReadOnlySpan<ChainRequest> requests, Span<ChainResult> results);

    /// <summary>Runs a chain that was checked; the caller goes on.</summary>
    internal abstract ValueTask<ChainResult> Queue(in ChainRequest request);

    private protected abstract void Dispose(bool disposing);

    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    internal static void CheckRanges(StorageEngineOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ChainsMax, 1, nameof(options.ChainsMax));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.ChainsMax, 4096, nameof(options.ChainsMax));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1, nameof(options.Threads));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Threads, 1024, nameof(options.Threads));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RingsMax, 1, nameof(options.RingsMax));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.RingsMax, 1024, nameof(options.RingsMax));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RingBufferBytes, 2 * ChainRequest.ReadBytesMax, nameof(options.RingBufferBytes));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.RingBufferBytes, 1 << 30, nameof(options.RingBufferBytes));
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.RingBufferBytes % ChainRequest.ReadBytesMax, 0, nameof(options.RingBufferBytes));
    }

    private void Check(in ChainRequest request)
    {
        ArgumentNullException.ThrowIfNull(request.Function, nameof(request));
        if (request.File is null || request.File.Engine != this)
            throw new ArgumentException("The chain's file was not opened on this engine.", nameof(request));
        if (request.Limits.ReadsMax < 0 || request.Limits.BytesMax < 0)
            throw new ArgumentException($"Limits of {request.Limits.ReadsMax} reads and {request.Limits.BytesMax} bytes are negative.", nameof(request));
        if (request.Scratch.Length > ChainRequest.ScratchBytesMax)
            throw new ArgumentException($"{request.Scratch.Length} bytes of scratch exceed {ChainRequest.ScratchBytesMax}.", nameof(request));
    }
}
