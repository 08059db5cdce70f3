using System.Net;
using Fathom.Server.Http;
using Fathom.Server.Lifetime;
using Fathom.Server.Metrics;
using Fathom.Server.OpenAi;
using Fathom.Server.Page;
using Fathom.Server.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Fathom.Server;

/// <summary>Composes the HTTP server: OpenAI-compatible API, status, metrics and the chat page over one or more models.</summary>
public static class FathomServer
{
    // Time that Kestrel has to write what is in flight, after the engines have drained.
    private const int CloseConnectionsSeconds = 5;

    /// <summary>Builds the application. Nothing listens before it is started; after that <c>app.Urls</c> holds the address.</summary>
    /// <param name="options">How it runs.</param>
    /// <param name="models">What it serves. Engines and tokenizers stay the caller's; the engines drain when the application stops.</param>
    /// <param name="meters">The scope that the engines' metrics were made in; /metrics shows its meters.</param>
    /// <param name="loggers">Where the server logs; null for nowhere.</param>
    /// <param name="clock">Clock of time stamps and latencies; null for the system's.</param>
    /// <exception cref="ServerOptionsException">An option or a model's name is not allowed.</exception>
    public static WebApplication Build(
        ServerOptions options, IReadOnlyList<ServedModel> models, MeterScope meters, ILoggerFactory? loggers = null, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(meters);
        options.Validate();
        var served = new ServedModels(models);
        var keys = options.ApiKeyFile is { } file ? ApiKeys.Load(file) : null;

        // The empty builder reads no files and no environment: every setting passes through the options.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => ConfigureKestrel(kestrel, options));
        AddServices(builder.Services, options, served, meters, clock ?? TimeProvider.System);
        if (loggers is not null)
            builder.Services.AddSingleton(loggers);

        var app = builder.Build();
        StartTelemetry(app);
        ConfigurePipeline(app, options, keys);
        AnnounceWhenStarted(app, options, served, keys);
        return app;
    }

    private static void ConfigureKestrel(KestrelServerOptions kestrel, ServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = options.RequestBodyMaxBytes;
        kestrel.Limits.MaxConcurrentConnections = options.ConnectionsMax;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(options.HeaderTimeoutSeconds);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(options.IdleTimeoutSeconds);
        kestrel.Listen(IPAddress.Parse(options.Address), options.Port, static listen => listen.Protocols = HttpProtocols.Http1);
    }

    private static void AddServices(IServiceCollection services, ServerOptions options, ServedModels models, MeterScope meters, TimeProvider clock)
    {
        services.AddRouting();
        services.AddCors();
        services.Configure<ConsoleLifetimeOptions>(static console => console.SuppressStatusMessages = true);
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.DrainTimeoutSeconds + CloseConnectionsSeconds));
        services.AddSingleton(options);
        services.AddSingleton(models);
        services.AddSingleton(clock);
        services.AddSingleton(new ServerMetrics(meters));
        services.AddSingleton(_ => new MetricCollector(instrument =>
            ReferenceEquals(instrument.Meter.Scope, meters) || RuntimeInstruments.Contains(instrument)));
        if (OtlpExport.IsConfigured(options.OtlpEndpoint))
            services.AddSingleton(_ => new OtlpExport(options.OtlpEndpoint));
        services.AddSingleton<GenerationResponder>();
        services.AddSingleton<DrainOnStop>();
        services.AddHostedService(static provider => provider.GetRequiredService<DrainOnStop>());
        services.AddSingleton<GenerationEndpoints>();
        services.AddSingleton<ModelEndpoints>();
        services.AddSingleton<TokenizationEndpoints>();
        services.AddSingleton<StatusEndpoints>();
    }

    private static void StartTelemetry(WebApplication app)
    {
        // Resolved now: they hear only what is recorded after they began. The application disposes them, which flushes.
        _ = app.Services.GetRequiredService<MetricCollector>();
        if (app.Services.GetService<OtlpExport>() is not null)
            Log.OtlpStarted(app.Services.GetRequiredService<ILogger<OtlpExport>>());
    }

    private static void AnnounceWhenStarted(WebApplication app, ServerOptions options, ServedModels models, ApiKeys? keys)
    {
        var logger = app.Services.GetRequiredService<ILogger<WebApplication>>();
        app.Lifetime.ApplicationStarted.Register(() =>
        {
            var address = string.Join(", ", app.Urls);
            Log.Serving(logger, string.Join(", ", models.All.Select(static model => model.Name)), address);
            if (keys is null && !IPAddress.IsLoopback(IPAddress.Parse(options.Address)))
                Log.OpenToOthers(logger, address);
        });
    }

    private static void ConfigurePipeline(WebApplication app, ServerOptions options, ApiKeys? keys)
    {
        app.UseMiddleware<ErrorBoundary>();
        app.UseRouting();
        if (options.CorsOrigins.Count > 0)
        {
            app.UseCors(policy => policy.WithOrigins([.. options.CorsOrigins.Select(static origin => origin.TrimEnd('/'))])
                .WithMethods("GET", "POST").WithHeaders("Authorization", "Content-Type"));
        }

        if (keys is not null)
            app.UseMiddleware<ApiKeyGate>(keys);
        app.UseEndpoints(static _ => { });
        app.Services.GetRequiredService<GenerationEndpoints>().Map(app);
        app.Services.GetRequiredService<ModelEndpoints>().Map(app);
        app.Services.GetRequiredService<TokenizationEndpoints>().Map(app);
        app.Services.GetRequiredService<StatusEndpoints>().Map(app);
        PageEndpoints.Map(app);
    }
}
