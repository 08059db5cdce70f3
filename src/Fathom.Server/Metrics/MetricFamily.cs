using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Fathom.Server.Metrics;

/// <summary>What Prometheus calls the kind of a family.</summary>
internal enum MetricKind
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>One instrument as a Prometheus family: its name, its kind and its series.</summary>
/// <remarks>
/// Recording takes no lock and allocates nothing once a series exists: the series array is copied on write and searched in
/// order, which suits the few label sets that an instrument has.
/// </remarks>
internal sealed class MetricFamily
{
    // Labels come from our own code and are few; the limit keeps a mistake from growing without bound.
    private const int SeriesMax = 512;

    private readonly string _constantLabels;
    private readonly double[] _bounds;
    private readonly Lock _growth = new();
    private MetricSeries[] _series = [];

    public MetricFamily(Instrument instrument)
    {
        Kind = KindOf(instrument);
        Name = PrometheusNames.For(instrument, Kind);
        Help = instrument.Description ?? "";
        _bounds = Kind == MetricKind.Histogram ? HistogramBounds.For(instrument) : [];
        var constant = new StringBuilder();
        AppendLabels(constant, instrument.Meter.Tags);
        AppendLabels(constant, instrument.Tags);
        _constantLabels = constant.ToString();
        SetsAbsolute = instrument.IsObservable || Kind == MetricKind.Gauge && IsPlainGauge(instrument);
    }

    public string Name { get; }

    public string Help { get; }

    public MetricKind Kind { get; }

    /// <summary>Measurements are totals or levels, not increments.</summary>
    private bool SetsAbsolute { get; }

    public IReadOnlyList<MetricSeries> Series => Volatile.Read(ref _series);

    public IReadOnlyList<double> Bounds => _bounds;

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var series = Find(tags) ?? Grow(tags);
        if (series is null)
            return;
        if (Kind == MetricKind.Histogram)
            series.Observe(value);
        else if (SetsAbsolute)
            series.Set(value);
        else
            series.Add(value);
    }

    private MetricSeries? Find(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach (var series in Volatile.Read(ref _series))
        {
            if (series.Matches(tags))
                return series;
        }

        return null;
    }

    private MetricSeries? Grow(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_growth)
        {
            if (Find(tags) is { } existing)
                return existing;
            if (_series.Length == SeriesMax)
                return null;
            var labels = new StringBuilder(_constantLabels);
            var copy = tags.ToArray();
            AppendLabels(labels, copy);
            var series = new MetricSeries(copy, labels.ToString(), _bounds);
            Volatile.Write(ref _series, [.. _series, series]);
            return series;
        }
    }

    private static void AppendLabels(StringBuilder text, IEnumerable<KeyValuePair<string, object?>>? tags)
    {
        foreach (var (key, value) in tags ?? [])
        {
            if (text.Length > 0)
                text.Append(',');
            text.Append(PrometheusNames.Label(key)).Append("=\"");
            foreach (var c in Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")
            {
                _ = c switch
                {
                    '\\' => text.Append("\\\\"),
                    '"' => text.Append("\\\""),
                    '\n' => text.Append("\\n"),
                    _ => text.Append(c),
                };
            }

            text.Append('"');
        }
    }

    private static MetricKind KindOf(Instrument instrument)
    {
        var type = instrument.GetType().GetGenericTypeDefinition();
        if (type == typeof(Counter<>) || type == typeof(ObservableCounter<>))
            return MetricKind.Counter;
        return type == typeof(Histogram<>) ? MetricKind.Histogram : MetricKind.Gauge;
    }

    private static bool IsPlainGauge(Instrument instrument) => instrument.GetType().GetGenericTypeDefinition() == typeof(Gauge<>);
}
