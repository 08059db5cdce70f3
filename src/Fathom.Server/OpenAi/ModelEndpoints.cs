using System.Text.Json;
using Fathom.Server.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fathom.Server.OpenAi;

/// <summary>GET /v1/models, and one of them.</summary>
internal sealed class ModelEndpoints(ServedModels models, TimeProvider clock)
{
    private readonly long _createdSeconds = clock.GetUtcNow().ToUnixTimeSeconds();

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", ListAsync).WithMetadata(NeedsApiKey.Mark);
        // Model names may hold slashes, as those of model hubs do.
        routes.MapGet("/v1/models/{**name}", GetAsync).WithMetadata(NeedsApiKey.Mark);
    }

    private Task ListAsync(HttpContext context) => JsonResponse.WriteAsync(context, this, static (json, self) =>
    {
        json.WriteStartObject();
        json.WriteString("object"u8, "list"u8);
        json.WriteStartArray("data"u8);
        foreach (var model in self.All)
            self.Write(json, model);
        json.WriteEndArray();
        json.WriteEndObject();
    });

    private Task GetAsync(HttpContext context)
    {
        // The one escape that Kestrel leaves in a path; clients send a name's slash so.
        var name = ((string?)context.GetRouteValue("name") ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        var model = models.Find(name) ?? throw new RequestRejectedException(ApiError.ModelNotFound(name));
        return JsonResponse.WriteAsync(context, (this, model), static (json, s) => s.Item1.Write(json, s.model));
    }

    private IReadOnlyList<ServedModel> All => models.All;

    private void Write(Utf8JsonWriter json, ServedModel model)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, model.Name);
        json.WriteString("object"u8, "model"u8);
        json.WriteNumber("created"u8, _createdSeconds);
        json.WriteString("owned_by"u8, "fathom"u8);
        json.WriteNumber("max_model_len"u8, model.Engine.ContextLength);
        json.WriteBoolean("chat"u8, model.ChatTemplate is not null);
        json.WriteStartArray("aliases"u8);
        foreach (var alias in model.Aliases)
            json.WriteStringValue(alias);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
