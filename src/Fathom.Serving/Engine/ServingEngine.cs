using Fathom.Models.Tokenization;
using Fathom.Serving.Metrics;
using Fathom.Serving.Requests;
using Microsoft.Extensions.Logging;

namespace Fathom.Serving.Engine;

/// <summary>Serves requests on one executor: owns the loop thread, the request pool, the scheduler and the KV blocks.</summary>
/// <remarks>Any thread may call it. The executor and the tokenizer stay the caller's and must outlive it.</remarks>
public sealed class ServingEngine : IAsyncDisposable
{
    /// <summary>Starts the loop thread.</summary>
    /// <param name="executor">Computes the iterations.</param>
    /// <param name="tokenizer">Turns generated tokens into text and knows where generation ends.</param>
    /// <param name="options">How to schedule.</param>
    /// <param name="metrics">Instruments to record on.</param>
    /// <param name="logger">Where the engine's life is logged; never prompts or outputs.</param>
    /// <param name="time">Clock of the latencies; null for the system's.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public ServingEngine(
        IModelExecutor executor, Tokenizer tokenizer, ServingOptions options, ServingMetrics metrics, ILogger<ServingEngine> logger, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(executor);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(metrics);
        ArgumentNullException.ThrowIfNull(logger);
        ContextLength = Math.Min(executor.ContextLength, options.MaxContextTokens ?? int.MaxValue);
    }

    /// <summary>Most tokens of a prompt and its output together.</summary>
    public int ContextLength { get; }

    /// <summary>Counters after the last iteration.</summary>
    public EngineSnapshot Snapshot => throw new NotSupportedException("the loop is not there yet");

    /// <summary>Ends when the loop has: in order after a drain or disposal, or with a failure. Never faults; see <see cref="EngineSnapshot.State"/>.</summary>
    public Task Completion => throw new NotSupportedException("the loop is not there yet");

    /// <summary>Accepts a request or says why not, at once.</summary>
    /// <param name="request">What to generate.</param>
    /// <param name="cancellationToken">Cancels the generation, at any time.</param>
    public Submission Submit(GenerationRequest request, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("the loop is not there yet");

    /// <summary>Takes no more requests and finishes those it has.</summary>
    /// <param name="cancellationToken">Cancels what still runs; the drain then ends within an iteration.</param>
    public Task DrainAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException("the loop is not there yet");

    /// <summary>Cancels everything and joins the loop thread.</summary>
    public ValueTask DisposeAsync() => throw new NotSupportedException("the loop is not there yet");
}
