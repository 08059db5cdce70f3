using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Commands.Tiers;
using Fathom.Server;
using Fathom.Serving;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Fathom.Cli.Commands;

/// <summary>`fathom serve`: one model over HTTP until SIGTERM or Ctrl-C, then a drain.</summary>
internal static class ServeCommand
{
    private static readonly ServerOptions Defaults = new();

    private static readonly Setting<string?> Address = Settings.Text("--address", "IP", "IP address to listen on; 0.0.0.0 is every interface.", Defaults.Address);
    private static readonly Setting<int> Port = Settings.Integer("--port", "TCP port; 0 picks a free one.", Defaults.Port, 0, 65535);
    private static readonly Setting<string?> ModelName = Settings.Text("--model-name", "NAME", "What the API calls the model; its file name when not given.");
    private static readonly Setting<string?> ApiKeyFile = Settings.Text("--api-key-file", "F", "File with one API key a line; without it no key is needed.");
    private static readonly Setting<int> QueueLimit = Settings.Integer("--queue-limit", "Requests that may wait; more get 503.", new ServingOptions().QueueLimit, 0, 1 << 20);
    private static readonly Setting<int> DrainSeconds = Settings.Integer("--drain-seconds", "Time that running requests have to finish at shutdown.", Defaults.DrainTimeoutSeconds, 0, 86_400);
    private static readonly Setting<string?> CorsOrigins = Settings.Text("--cors-origins", "ORIGIN,…", "Origins whose pages may call the API, or *.");
    private static readonly Setting<string?> OtlpEndpoint = Settings.Text("--otlp-endpoint", "URL", "OTLP collector for metrics and traces; also OTEL_EXPORTER_OTLP_ENDPOINT.");
    private static readonly Setting<LogLevel> LogLevelSetting = Settings.Choice(
        "--log-level", "What is logged on standard error.", LogLevel.Warning,
        ("debug", LogLevel.Debug), ("information", LogLevel.Information), ("warning", LogLevel.Warning), ("error", LogLevel.Error), ("none", LogLevel.None));

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "serve", "Serves a model over HTTP: the OpenAI API, a chat page, metrics.",
        "fathom serve --model model.gguf --port 8080 --max-batch 16 --kv-memory 4GiB",
        [
            .. EngineSettings.Serving, .. TierSettings.All, Address.Option, Port.Option, ModelName.Option, ApiKeyFile.Option, QueueLimit.Option,
            DrainSeconds.Option, CorsOrigins.Option, OtlpEndpoint.Option, LogLevelSetting.Option,
        ],
        terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var serverOptions = new ServerOptions
        {
            Address = Address.Read(options)!,
            Port = Port.Read(options),
            ApiKeyFile = ApiKeyFile.Read(options),
            DrainTimeoutSeconds = DrainSeconds.Read(options),
            CorsOrigins = CorsOrigins.Read(options)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [],
            OtlpEndpoint = OtlpEndpoint.Read(options),
        };
        serverOptions.Validate();
        var maxBatch = EngineSettings.MaxBatch.Read(options);
        var serving = new ServingOptions
        {
            Policy = EngineSettings.Policy.Read(options),
            MaxBatch = maxBatch,
            TokenBudget = Math.Max(maxBatch, EngineSettings.TokenBudget.Read(options)),
            MaxContextTokens = EngineSettings.MaxContext.Read(options),
            QueueLimit = QueueLimit.Read(options),
            PrefixCaching = EngineSettings.PrefixCaching.Read(options),
        };

        var tierPlan = TierSettings.Read(options, serving.Policy, serving.PrefixCaching);
        using var loggers = LoggerFactory.Create(logging => logging
            .SetMinimumLevel(LogLevelSetting.Read(options))
            .AddSimpleConsole(console => console.SingleLine = true)
            .Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace));
        await using var loaded = await StartAsync(invocation, serving, tierPlan, loggers, cancellation);
        await using var app = FathomServer.Build(serverOptions, [loaded.Served], loaded.Meters, loggers);
        await app.StartAsync(cancellation);
        await invocation.Terminal.Output.WriteLineAsync($"Fathom serves {loaded.Served.Name} on {app.Urls.First()}");
        await app.WaitForShutdownAsync(cancellation);
    }

    private static async Task<LoadedModel> StartAsync(
        Invocation invocation, ServingOptions serving, TierPlan plan, ILoggerFactory loggers, CancellationToken cancellation)
    {
        var tiers = await KvTierSet.StartAsync(plan, loggers, cancellation);
        try
        {
            return LoadedModel.Start(invocation, serving, ModelName.Read(invocation.Options), loggers, tiers);
        }
        catch
        {
            if (tiers is not null)
                await tiers.DisposeAsync();
            throw;
        }
    }
}
