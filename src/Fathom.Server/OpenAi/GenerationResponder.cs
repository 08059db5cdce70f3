using System.Diagnostics;
using Fathom.Server.Http;
using Fathom.Server.Metrics;
using Fathom.Server.Telemetry;
using Fathom.Serving.Requests;
using Microsoft.AspNetCore.Http;

namespace Fathom.Server.OpenAi;

/// <summary>Submits generations and answers with what they give, as a stream or in one piece. Any number of requests at once.</summary>
/// <remarks>A request that ends early, by its client or by a failure, cancels its generations before anything else happens.</remarks>
internal sealed class GenerationResponder(ServerMetrics metrics, TimeProvider clock)
{
    /// <exception cref="RequestRejectedException">The engine refused or failed before the response began.</exception>
    /// <exception cref="OperationCanceledException">The client is gone.</exception>
    public async Task RespondAsync(
        HttpContext context, ServedModel model, IReadOnlyList<GenerationRequest> requests, GenerationSettings settings, IResponseFormat format)
    {
        using var span = GenAiTrace.Start(format.Operation, model.Name);
        var watch = new GenerationWatch(metrics, clock, format.Operation, model.Name, span);
        var generations = new List<Generation>(requests.Count);
        try
        {
            SubmitAll(model, requests, generations, context.RequestAborted);
            if (settings.Stream)
                await StreamAsync(context, generations, settings, format, watch);
            else
                await AnswerWholeAsync(context, generations, settings, format, watch);
            generations.Clear();
        }
        catch (OperationCanceledException)
        {
            watch.Failed("cancelled");
            throw;
        }
        catch (RequestRejectedException e)
        {
            watch.Failed(e.Error.Code ?? "error");
            throw;
        }
        finally
        {
            generations.ForEach(static generation => generation.Cancel());
            watch.End();
        }
    }

    private static void SubmitAll(ServedModel model, IReadOnlyList<GenerationRequest> requests, List<Generation> accepted, CancellationToken aborted)
    {
        foreach (var request in requests)
        {
            var submission = model.Engine.Submit(request, aborted);
            if (!submission.IsAccepted)
                throw new RequestRejectedException(EngineErrors.Of(submission.Refusal));
            accepted.Add(submission.Generation);
        }
    }

    private static async Task StreamAsync(
        HttpContext context, List<Generation> generations, GenerationSettings settings, IResponseFormat format, GenerationWatch watch)
    {
        using var stream = new EventStream(context);
        await stream.StartAsync();
        var usage = default(TokenUsage);
        await foreach (var (prompt, update) in GenerationMerge.ReadAllAsync(generations, context.RequestAborted))
        {
            if (EngineErrors.Of(update) is { } error)
            {
                watch.Failed(error.Code ?? "error");
                stream.WriteError(error);
                await stream.FlushAsync();
                return;
            }

            watch.Progress(update);
            usage = UsageJson.Sum(usage, update.Usage ?? default);
            format.WriteUpdate(stream, (prompt * settings.Choices) + update.Choice, update);
            await stream.FlushAsync();
        }

        watch.Completed(usage);
        if (settings.IncludeUsage)
            format.WriteUsage(stream, usage);
        stream.WriteDone();
        await stream.FlushAsync();
    }

    private static async Task AnswerWholeAsync(
        HttpContext context, List<Generation> generations, GenerationSettings settings, IResponseFormat format, GenerationWatch watch)
    {
        var choices = new GatheredChoice[generations.Count * settings.Choices];
        for (var i = 0; i < choices.Length; i++)
            choices[i] = new GatheredChoice();

        var usage = default(TokenUsage);
        await foreach (var (prompt, update) in GenerationMerge.ReadAllAsync(generations, context.RequestAborted))
        {
            if (EngineErrors.Of(update) is { } error)
                throw new RequestRejectedException(error);
            watch.Progress(update);
            usage = UsageJson.Sum(usage, update.Usage ?? default);
            choices[(prompt * settings.Choices) + update.Choice].Add(update);
        }

        watch.Completed(usage);
        await JsonResponse.WriteAsync(context, (format, choices, usage), static (json, s) => s.format.WriteWhole(json, s.choices, s.usage));
    }
}

/// <summary>Times one response for the metrics and its span. One response owns it.</summary>
internal sealed class GenerationWatch(ServerMetrics metrics, TimeProvider clock, string operation, string model, Activity? span)
{
    private readonly long _started = clock.GetTimestamp();
    private long? _firstToken;
    private string? _error;

    public void Progress(GenerationUpdate update)
    {
        if (_firstToken is not null || (update.Text.Length == 0 && update.Tokens.Count == 0))
            return;
        _firstToken = clock.GetTimestamp();
        metrics.FirstToken(operation, model, clock.GetElapsedTime(_started).TotalSeconds);
    }

    public void Completed(TokenUsage usage)
    {
        var secondsAfterFirst = _firstToken is { } first ? clock.GetElapsedTime(first).TotalSeconds : 0;
        metrics.Usage(operation, model, usage.PromptTokens, usage.CompletionTokens, secondsAfterFirst);
        span?.SetTag("gen_ai.usage.input_tokens", usage.PromptTokens);
        span?.SetTag("gen_ai.usage.output_tokens", usage.CompletionTokens);
    }

    public void Failed(string errorType)
    {
        _error = errorType;
        span?.SetTag("error.type", errorType);
        span?.SetStatus(ActivityStatusCode.Error);
    }

    public void End() => metrics.RequestEnded(operation, model, _error, clock.GetElapsedTime(_started).TotalSeconds);
}
