using Fathom.Server.OpenAi;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Fathom.Server.Lifetime;

/// <summary>
/// Lets running requests finish once the server is told to stop, for a bounded time, while the socket stays open so that
/// /ready and new requests are answered with 503.
/// </summary>
/// <remarks>The host calls it, before it stops Kestrel. Any thread may read <see cref="IsDraining"/>.</remarks>
internal sealed class DrainOnStop : IHostedLifecycleService
{
    private readonly ServedModels _models;
    private readonly ServerOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger<DrainOnStop> _logger;
    private volatile bool _draining;

    public DrainOnStop(ServedModels models, ServerOptions options, TimeProvider clock, IHostApplicationLifetime lifetime, ILogger<DrainOnStop> logger)
    {
        _models = models;
        _options = options;
        _clock = clock;
        _logger = logger;
        // A signal reaches this token first; the host calls StoppingAsync a moment later.
        lifetime.ApplicationStopping.Register(() => _draining = true);
    }

    /// <summary>No new requests from now on.</summary>
    public bool IsDraining => _draining;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _draining = true;
        var started = _clock.GetTimestamp();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(_options.DrainTimeoutSeconds), _clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var drained = Task.WhenAll(_models.All.Select(model => model.Engine.DrainAsync(both.Token)));
        Log.DrainBegan(_logger, _options.DrainTimeoutSeconds);
        await drained;
        if (both.IsCancellationRequested)
            Log.DrainTimedOut(_logger);
        Log.DrainEnded(_logger, (long)_clock.GetElapsedTime(started).TotalMilliseconds);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
