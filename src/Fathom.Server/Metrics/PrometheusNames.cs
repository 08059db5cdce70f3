using System.Diagnostics.Metrics;
using System.Text;

namespace Fathom.Server.Metrics;

/// <summary>Prometheus names of instruments and tags.</summary>
/// <remarks>
/// Our own instruments carry their exposition name already (<c>fathom:…</c>, after vLLM's). The others follow OpenTelemetry's
/// mapping: dots become underscores, the unit becomes a suffix. Counters end in <c>_total</c> either way.
/// </remarks>
internal static class PrometheusNames
{
    public static string For(Instrument instrument, MetricKind kind)
    {
        var name = Clean(instrument.Name, allowColon: true);
        if (!instrument.Name.StartsWith("fathom:", StringComparison.Ordinal))
        {
            var unit = instrument.Unit switch
            {
                "s" => "_seconds",
                "ms" => "_milliseconds",
                "By" => "_bytes",
                _ => "",
            };
            if (!name.EndsWith(unit, StringComparison.Ordinal))
                name += unit;
        }

        return kind == MetricKind.Counter && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    public static string Label(string tag) => Clean(tag, allowColon: false);

    private static string Clean(string text, bool allowColon)
    {
        var clean = new StringBuilder(text.Length + 1);
        foreach (var c in text)
            clean.Append(char.IsAsciiLetterOrDigit(c) || c == '_' || (allowColon && c == ':') ? c : '_');
        if (clean.Length == 0 || char.IsAsciiDigit(clean[0]))
            clean.Insert(0, '_');
        return clean.ToString();
    }
}
