using Fathom.Server.Http;
using Fathom.Server.Lifetime;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fathom.Server.OpenAi;

/// <summary>POST /v1/chat/completions and /v1/completions.</summary>
internal sealed class GenerationEndpoints(ServedModels models, GenerationResponder responder, DrainOnStop drain, TimeProvider clock)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/chat/completions", ChatAsync).WithMetadata(NeedsApiKey.Mark);
        routes.MapPost("/v1/completions", CompleteAsync).WithMetadata(NeedsApiKey.Mark);
    }

    private async Task ChatAsync(HttpContext context)
    {
        RefuseWhileDraining();
        ServedModel model;
        ChatRequest request;
        using (var body = await RequestBody.ReadAsync(context))
        {
            model = models.Resolve(body.Fields);
            request = ChatRequest.Read(body.Fields, model, clock, context.RequestAborted);
        }

        var settings = request.Settings;
        var format = new ChatFormat(ResponseIdentity.Create("chatcmpl-", model, clock), model.Tokenizer, settings.Choices, request.WithLogprobs, settings.IncludeUsage);
        await responder.RespondAsync(context, model, [request.Generation], settings, format);
    }

    private async Task CompleteAsync(HttpContext context)
    {
        RefuseWhileDraining();
        ServedModel model;
        CompletionRequest request;
        using (var body = await RequestBody.ReadAsync(context))
        {
            model = models.Resolve(body.Fields);
            request = CompletionRequest.Read(body.Fields, model);
        }

        var settings = request.Settings;
        var choices = settings.Choices * request.Generations.Count;
        var format = new CompletionFormat(ResponseIdentity.Create("cmpl-", model, clock), model.Tokenizer, choices, request.WithLogprobs, settings.IncludeUsage);
        await responder.RespondAsync(context, model, request.Generations, settings, format);
    }

    /// <summary>The engine would refuse as well; this saves the body's reading and the tokenisation.</summary>
    private void RefuseWhileDraining()
    {
        if (drain.IsDraining)
            throw new RequestRejectedException(ApiError.Draining(EngineErrors.RetryWhenDrainingSeconds));
    }
}
