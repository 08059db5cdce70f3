using Fathom.Server.Http;
using Fathom.Server.Metrics;
using Fathom.Server.OpenAi;
using Fathom.Serving.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fathom.Server.Lifetime;

/// <summary>GET /health (is the process sound), /ready (may requests come), /version and /metrics. None needs a key.</summary>
internal sealed class StatusEndpoints(ServedModels models, DrainOnStop drain, MetricCollector collector)
{
    private static readonly string[] s_methods = [HttpMethods.Get, HttpMethods.Head];

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/health", s_methods, HealthAsync);
        routes.MapMethods("/ready", s_methods, ReadyAsync);
        routes.MapMethods("/version", s_methods, VersionAsync);
        routes.MapMethods("/metrics", s_methods, MetricsAsync);
    }

    private Task HealthAsync(HttpContext context)
    {
        RefuseWhenFailed();
        return JsonResponse.WriteAsync(context, models.All, static (json, all) =>
        {
            json.WriteStartObject();
            json.WriteString("status"u8, "ok"u8);
            json.WriteStartArray("models"u8);
            foreach (var model in all)
            {
                var snapshot = model.Engine.Snapshot;
                json.WriteStartObject();
                json.WriteString("model"u8, model.Name);
                json.WriteNumber("running"u8, snapshot.RunningSequences);
                json.WriteNumber("waiting"u8, snapshot.WaitingRequests);
                json.WriteNumber("kv_blocks_used"u8, snapshot.UsedBlocks);
                json.WriteNumber("kv_blocks_cached"u8, snapshot.CachedBlocks);
                json.WriteNumber("kv_blocks_free"u8, snapshot.FreeBlocks);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private Task ReadyAsync(HttpContext context)
    {
        if (drain.IsDraining)
            throw new RequestRejectedException(ApiError.Draining(EngineErrors.RetryWhenDrainingSeconds));
        RefuseWhenFailed();
        return JsonResponse.WriteAsync(context, "ready", static (json, status) =>
        {
            json.WriteStartObject();
            json.WriteString("status"u8, status);
            json.WriteEndObject();
        });
    }

    private void RefuseWhenFailed()
    {
        if (models.All.Any(static model => model.Engine.Snapshot.State == EngineState.Failed))
            throw new RequestRejectedException(EngineErrors.Stopped());
    }

    private static Task VersionAsync(HttpContext context) => JsonResponse.WriteAsync(context, ServerVersion.Text, static (json, version) =>
    {
        json.WriteStartObject();
        json.WriteString("version"u8, version);
        json.WriteEndObject();
    });

    private async Task MetricsAsync(HttpContext context)
    {
        context.Response.ContentType = PrometheusText.ContentType;
        PrometheusText.Write(collector.Scrape(), context.Response.BodyWriter);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }
}
