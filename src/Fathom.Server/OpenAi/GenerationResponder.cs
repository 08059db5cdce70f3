using System.Diagnostics;
using Fathom.Server.Http;
using Fathom.Server.Metrics;
using Fathom.Server.Telemetry;
using Fathom.Serving.Requests;
using Microsoft.AspNetCore.Http;

namespace Fathom.Server.OpenAi;

/// <summary>Submits generations and answers with what they give, as a stream or in one piece. Any number of requests at once.</summary>
/// <remarks>A request that ends early, by its client or by a failure, cancels its generations before anything else happens.</remarks>
internal sealed class GenerationResponder(ServerMetrics metrics)
{
    /// <exception cref="RequestRejectedException">The engine refused or failed before the response began.</exception>
    /// <exception cref="OperationCanceledException">The client is gone.</exception>
    public async Task RespondAsync(
        HttpContext context, ServedModel model, IReadOnlyList<GenerationRequest> requests, GenerationSettings settings, IResponseFormat format)
    {
        using var span = GenAiTrace.Start(format.Operation, model.Name);
        var generations = new List<Generation>(requests.Count);
        try
        {
            SubmitAll(model, requests, generations, context.RequestAborted);
            var usage = settings.Stream
                ? await StreamAsync(context, generations, settings, format, span)
                : await AnswerWholeAsync(context, generations, settings, format);
            generations.Clear();
            if (usage is { } tokens)
                Record(tokens, format, model, span);
        }
        catch (OperationCanceledException)
        {
            GenAiTrace.Fail(span, "cancelled");
            throw;
        }
        catch (RequestRejectedException e)
        {
            GenAiTrace.Fail(span, e.Error.Code);
            throw;
        }
        finally
        {
            generations.ForEach(static generation => generation.Cancel());
        }
    }

    private void Record(TokenUsage usage, IResponseFormat format, ServedModel model, Activity? span)
    {
        metrics.Usage(format.Operation, model.Name, usage.PromptTokens, usage.CompletionTokens);
        span?.SetTag("gen_ai.usage.input_tokens", usage.PromptTokens);
        span?.SetTag("gen_ai.usage.output_tokens", usage.CompletionTokens);
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

    /// <returns>Null when the stream ended with an error event.</returns>
    private static async Task<TokenUsage?> StreamAsync(
        HttpContext context, List<Generation> generations, GenerationSettings settings, IResponseFormat format, Activity? span)
    {
        using var stream = new EventStream(context);
        await stream.StartAsync();
        var usage = default(TokenUsage);
        await foreach (var (prompt, update) in GenerationMerge.ReadAllAsync(generations, context.RequestAborted))
        {
            if (EngineErrors.Of(update) is { } error)
            {
                GenAiTrace.Fail(span, error.Code);
                stream.WriteError(error);
                await stream.FlushAsync();
                return null;
            }

            usage = UsageJson.Sum(usage, update.Usage ?? default);
            format.WriteUpdate(stream, (prompt * settings.Choices) + update.Choice, update);
            await stream.FlushAsync();
        }

        if (settings.IncludeUsage)
            format.WriteUsage(stream, usage);
        stream.WriteDone();
        await stream.FlushAsync();
        return usage;
    }

    private static async Task<TokenUsage?> AnswerWholeAsync(
        HttpContext context, List<Generation> generations, GenerationSettings settings, IResponseFormat format)
    {
        var choices = new GatheredChoice[generations.Count * settings.Choices];
        for (var i = 0; i < choices.Length; i++)
            choices[i] = new GatheredChoice();

        var usage = default(TokenUsage);
        await foreach (var (prompt, update) in GenerationMerge.ReadAllAsync(generations, context.RequestAborted))
        {
            if (EngineErrors.Of(update) is { } error)
                throw new RequestRejectedException(error);
            usage = UsageJson.Sum(usage, update.Usage ?? default);
            choices[(prompt * settings.Choices) + update.Choice].Add(update);
        }

        await JsonResponse.WriteAsync(context, (format, choices, usage), static (json, s) => s.format.WriteWhole(json, s.choices, s.usage));
        return usage;
    }
}
