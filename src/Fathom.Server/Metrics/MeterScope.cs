using System.Diagnostics.Metrics;

namespace Fathom.Server.Metrics;

/// <summary>
/// The meters of one server and its engines: makes them, disposes them, and tells them from those of another server in the
/// same process, so that one server's /metrics shows its own engines only.
/// </summary>
/// <remarks>The composition root owns it and disposes it after the engines. Any thread may call it.</remarks>
public sealed class MeterScope : IMeterFactory
{
    private readonly Lock _gate = new();
    private readonly List<Meter> _meters = [];
    private bool _disposed;

    /// <summary>Gives the meter of this name and version, made on first use.</summary>
    /// <param name="options">Name, version and tags; its scope is set to this one.</param>
    /// <exception cref="ObjectDisposedException">The scope was disposed.</exception>
    public Meter Create(MeterOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var known = _meters.Find(meter => meter.Name == options.Name && meter.Version == options.Version && options.Tags is null);
            if (known is not null)
                return known;
            options.Scope = this;
            var created = new Meter(options);
            _meters.Add(created);
            return created;
        }
    }

    /// <summary>Disposes every meter made here; their instruments record nothing from then on.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _meters.ForEach(static meter => meter.Dispose());
            _meters.Clear();
        }
    }
}
