using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Fathom.Server.Tests.Fakes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Fathom.Server.Tests.Telemetry;

public sealed class OtlpExportTests
{
    [Fact]
    public async Task Export_Configured_SendsMetricsAndSpansWithoutContent()
    {
        var received = new ConcurrentDictionary<string, string>();
        await using var collector = await StartCollectorAsync(received);
        await using (var server = await RunningServer.StartAsync(new ServerOptions { OtlpEndpoint = collector.Urls.First() }))
        {
            var (status, _) = await server.CallAsync("/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"tell-nobody\"}]}");
            Assert.Equal(200, status);
            await server.App.StopAsync();
        }

        // Disposing the application flushed.
        var metrics = received["/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"];
        Assert.Contains("gen_ai.server.request.duration", metrics, StringComparison.Ordinal);
        Assert.Contains("gen_ai.server.time_to_first_token", metrics, StringComparison.Ordinal);
        Assert.Contains("gen_ai.client.token.usage", metrics, StringComparison.Ordinal);
        Assert.Contains("fathom.prompt_tokens", metrics, StringComparison.Ordinal);
        var spans = received["/opentelemetry.proto.collector.trace.v1.TraceService/Export"];
        Assert.Contains("chat echo", spans, StringComparison.Ordinal);
        Assert.Contains("gen_ai.usage.output_tokens", spans, StringComparison.Ordinal);
        Assert.DoesNotContain("tell-nobody", metrics + spans, StringComparison.Ordinal);
    }

    /// <summary>A collector that speaks OTLP's gRPC: HTTP/2 without TLS, five-byte frames, an empty answer.</summary>
    private static async Task<WebApplication> StartCollectorAsync(ConcurrentDictionary<string, string> received)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            received.AddOrUpdate(context.Request.Path, Encoding.Latin1.GetString(body.ToArray()), (_, earlier) => earlier + Encoding.Latin1.GetString(body.ToArray()));
            context.Response.ContentType = "application/grpc";
            context.Response.DeclareTrailer("grpc-status");
            await context.Response.Body.WriteAsync(new byte[5]);
            context.Response.AppendTrailer("grpc-status", "0");
        });
        await app.StartAsync();
        return app;
    }
}
