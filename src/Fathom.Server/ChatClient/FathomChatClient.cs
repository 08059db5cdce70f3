using System.Runtime.CompilerServices;
using Fathom.Server.Http;
using Fathom.Server.OpenAi;
using Fathom.Serving.Requests;
using Microsoft.Extensions.AI;

namespace Fathom.Server.ChatClient;

/// <summary>An <see cref="IChatClient"/> on an engine in this process: no HTTP, the same templates, limits and answers.</summary>
/// <remarks>
/// What <see cref="ChatOptions"/> does not name, such as min-p, comes through its RawRepresentationFactory as SamplingParameters.
/// Any thread may call it, any number of chats at once. The model stays the caller's; disposing the client does nothing to it.</remarks>
public sealed class FathomChatClient : IChatClient
{
    private readonly ServedModel _model;
    private readonly TimeProvider _clock;
    private readonly ChatClientMetadata _metadata;

    /// <summary>A client of one model.</summary>
    /// <param name="model">The model; it needs a chat template.</param>
    /// <param name="clock">Clock of time stamps and of the template's dates; null for the system's.</param>
    public FathomChatClient(ServedModel model, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _clock = clock ?? TimeProvider.System;
        _metadata = new ChatClientMetadata("fathom", null, model.Name);
    }

    /// <inheritdoc/>
    /// <exception cref="ChatRefusedException">An option or message is not supported, the chat does not fit, the engine refused or failed.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in GetStreamingResponseAsync(messages, options, cancellationToken))
            updates.Add(update);
        return updates.ToChatResponse();
    }

    /// <inheritdoc/>
    /// <exception cref="ChatRefusedException">An option or message is not supported, the chat does not fit, the engine refused or failed.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var generation = Submit(messages, options, cancellationToken);
        var identity = ResponseIdentity.Create("chatcmpl-", _model, _clock);
        await foreach (var update in generation.ReadAllAsync(cancellationToken))
        {
            if (EngineErrors.Of(update) is { } error)
                throw new ChatRefusedException(error.Message, error.Param, error.Code);
            if (update.Text.Length > 0)
                yield return Update(identity, new TextContent(update.Text));
            if (update.FinishReason is { } reason)
            {
                var last = Update(identity, update.Usage is { } usage ? new UsageContent(ToDetails(usage)) : null);
                last.FinishReason = reason == FinishReason.Length ? ChatFinishReason.Length : ChatFinishReason.Stop;
                yield return last;
            }
        }
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null)
            return null;
        if (serviceType == typeof(ChatClientMetadata))
            return _metadata;
        if (serviceType == typeof(ServedModel))
            return _model;
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Does nothing: engine and tokenizer are the caller's.</summary>
    public void Dispose()
    {
    }

    private Generation Submit(IEnumerable<ChatMessage> messages, ChatOptions? options, CancellationToken cancellationToken)
    {
        try
        {
            if (options?.ModelId is { } name && !_model.IsNamed(name))
                throw new RequestRejectedException(ApiError.ModelNotFound(name));
            var settings = ChatOptionsMapping.ToSettings(options, this);
            var mapped = ChatOptionsMapping.ToMessages(messages, options?.Instructions);
            var prompt = PromptTokens.FromChat(_model, mapped, new Dictionary<string, object?>(), addGenerationPrompt: true, _clock, cancellationToken);
            var submission = _model.Engine.Submit(settings.ToRequest(_model, prompt, "messages", options?.MaxOutputTokens, null), cancellationToken);
            return submission.IsAccepted ? submission.Generation : throw new RequestRejectedException(EngineErrors.Of(submission.Refusal));
        }
        catch (RequestRejectedException e)
        {
            throw new ChatRefusedException(e.Error.Message, e.Error.Param, e.Error.Code, e);
        }
    }

    private ChatResponseUpdate Update(ResponseIdentity identity, AIContent? content) =>
        new(ChatRole.Assistant, content is null ? [] : [content])
        {
            ResponseId = identity.Id,
            MessageId = identity.Id,
            ModelId = _model.Name,
            CreatedAt = DateTimeOffset.FromUnixTimeSeconds(identity.CreatedSeconds),
        };

    private static UsageDetails ToDetails(TokenUsage usage) => new()
    {
        InputTokenCount = usage.PromptTokens,
        OutputTokenCount = usage.CompletionTokens,
        TotalTokenCount = usage.TotalTokens,
        CachedInputTokenCount = usage.CachedTokens,
    };
}
