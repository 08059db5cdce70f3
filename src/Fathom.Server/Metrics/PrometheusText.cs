using System.Buffers;
using System.Globalization;
using System.Text;

namespace Fathom.Server.Metrics;

/// <summary>Prometheus text exposition format 0.0.4.</summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <param name="families">Sorted by name; those of one name (several engines) share one header.</param>
    /// <param name="output">Receives UTF-8.</param>
    public static void Write(IReadOnlyList<MetricFamily> families, IBufferWriter<byte> output)
    {
        var text = new StringBuilder();
        string? previous = null;
        foreach (var family in families)
        {
            if (family.Name != previous)
                AppendHeader(text, family);
            previous = family.Name;
            foreach (var series in family.Series)
                AppendSeries(text, family, series);
        }

        Encoding.UTF8.GetBytes(text.ToString(), output);
    }

    private static void AppendHeader(StringBuilder text, MetricFamily family)
    {
        if (family.Help.Length > 0)
        {
            var help = family.Help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
            text.Append("# HELP ").Append(family.Name).Append(' ').Append(help).Append('\n');
        }

        var kind = family.Kind switch
        {
            MetricKind.Counter => "counter",
            MetricKind.Histogram => "histogram",
            _ => "gauge",
        };
        text.Append("# TYPE ").Append(family.Name).Append(' ').Append(kind).Append('\n');
    }

    private static void AppendSeries(StringBuilder text, MetricFamily family, MetricSeries series)
    {
        if (family.Kind != MetricKind.Histogram)
        {
            AppendSample(text, family.Name, "", series.Labels, null, series.Value);
            return;
        }

        long cumulative = 0;
        for (var bucket = 0; bucket <= family.Bounds.Count; bucket++)
        {
            cumulative += series.BucketCount(bucket);
            var bound = bucket < family.Bounds.Count ? Number(family.Bounds[bucket]) : "+Inf";
            AppendSample(text, family.Name, "_bucket", series.Labels, bound, cumulative);
        }

        AppendSample(text, family.Name, "_sum", series.Labels, null, series.Value);
        AppendSample(text, family.Name, "_count", series.Labels, null, cumulative);
    }

    private static void AppendSample(StringBuilder text, string name, string suffix, string labels, string? bound, double value)
    {
        text.Append(name).Append(suffix);
        if (labels.Length > 0 || bound is not null)
        {
            text.Append('{').Append(labels);
            if (bound is not null)
                text.Append(labels.Length > 0 ? "," : "").Append("le=\"").Append(bound).Append('"');
            text.Append('}');
        }

        text.Append(' ').Append(Number(value)).Append('\n');
    }

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };
}
