using System.Diagnostics.Metrics;

namespace Fathom.Serving.Metrics;

/// <summary>The instruments of one engine, named as vLLM's with the prefix <c>fathom:</c>; counters without the exposition's <c>_total</c>.</summary>
/// <remarks>Every measurement carries the tag <c>model_name</c>. Recorded by the engine's loop thread.</remarks>
public sealed class ServingMetrics
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Fathom.Serving";

    private readonly Meter _meter;
    private readonly KeyValuePair<string, object?> _model;

    /// <summary>Makes the instruments.</summary>
    /// <param name="meters">Where the meter comes from, and who disposes it.</param>
    /// <param name="modelName">Value of the tag <c>model_name</c>.</param>
    public ServingMetrics(IMeterFactory meters, string modelName)
    {
        ArgumentNullException.ThrowIfNull(meters);
        ArgumentNullException.ThrowIfNull(modelName);
        _meter = meters.Create(MeterName);
        _model = new KeyValuePair<string, object?>("model_name", modelName);
    }
}
