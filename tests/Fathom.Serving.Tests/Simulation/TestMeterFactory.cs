using System.Diagnostics.Metrics;

namespace Fathom.Serving.Tests.Simulation;

/// <summary>One meter per factory, so that tests see only their own measurements.</summary>
internal sealed class TestMeterFactory : IMeterFactory
{
    private readonly List<Meter> _meters = [];

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        var meter = new Meter(options);
        _meters.Add(meter);
        return meter;
    }

    public void Dispose()
    {
        foreach (Meter meter in _meters)
            meter.Dispose();
    }
}
