using System.Buffers;
using System.Diagnostics.Metrics;
using System.Text;
using Fathom.Server.Metrics;

namespace Fathom.Server.Tests.Metrics;

public sealed class PrometheusTextTests
{
    [Fact]
    public void Write_EveryKindOfInstrument_FollowsTheFormat()
    {
        using var scope = new MeterScope();
        using var collector = new MetricCollector(instrument => ReferenceEquals(instrument.Meter.Scope, scope));
        var meter = scope.Create(new MeterOptions("t"));
        var counter = meter.CreateCounter<long>("fathom:requests", null, "All \\ of\nthem.");
        var gauge = meter.CreateGauge<double>("fathom:usage");
        meter.CreateObservableGauge("fathom:seen", static () => new Measurement<int>(7, new KeyValuePair<string, object?>("m", "a\"b\\c\nd")));
        var upDown = meter.CreateUpDownCounter<int>("fathom:open");
        var histogram = meter.CreateHistogram("gen_ai.server.wait", "s", null, null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1] });
        counter.Add(2, new KeyValuePair<string, object?>("status", 200));
        counter.Add(3, new KeyValuePair<string, object?>("status", 200));
        counter.Add(1, new KeyValuePair<string, object?>("status", 404));
        gauge.Record(0.25);
        gauge.Record(0.5);
        upDown.Add(3);
        upDown.Add(-1);
        foreach (var value in new[] { 0.5, 0.7, 9 })
            histogram.Record(value, new KeyValuePair<string, object?>("gen_ai.model", "x"));

        var output = new ArrayBufferWriter<byte>();
        PrometheusText.Write(collector.Scrape(), output);

        const string expected = """
            # TYPE fathom:open gauge
            fathom:open 2
            # HELP fathom:requests_total All \\ of\nthem.
            # TYPE fathom:requests_total counter
            fathom:requests_total{status="200"} 5
            fathom:requests_total{status="404"} 1
            # TYPE fathom:seen gauge
            fathom:seen{m="a\"b\\c\nd"} 7
            # TYPE fathom:usage gauge
            fathom:usage 0.5
            # TYPE gen_ai_server_wait_seconds histogram
            gen_ai_server_wait_seconds_bucket{gen_ai_model="x",le="0.5"} 1
            gen_ai_server_wait_seconds_bucket{gen_ai_model="x",le="1"} 2
            gen_ai_server_wait_seconds_bucket{gen_ai_model="x",le="+Inf"} 3
            gen_ai_server_wait_seconds_sum{gen_ai_model="x"} 10.2
            gen_ai_server_wait_seconds_count{gen_ai_model="x"} 3

            """;
        Assert.Equal(expected, Encoding.UTF8.GetString(output.WrittenSpan));
    }

    [Fact]
    public void Collector_MetersOfAnotherScope_AreLeftOut()
    {
        using var ours = new MeterScope();
        using var theirs = new MeterScope();
        using var collector = new MetricCollector(instrument => ReferenceEquals(instrument.Meter.Scope, ours));
        theirs.Create(new MeterOptions("t")).CreateCounter<int>("fathom:theirs").Add(1);
        ours.Create(new MeterOptions("t")).CreateCounter<int>("fathom:ours").Add(1);
        Assert.Equal("fathom:ours_total", Assert.Single(collector.Scrape()).Name);
    }

    [Fact]
    public async Task Collector_ManyThreads_LoseNothing()
    {
        using var scope = new MeterScope();
        using var collector = new MetricCollector(instrument => ReferenceEquals(instrument.Meter.Scope, scope));
        var meter = scope.Create(new MeterOptions("t"));
        var counter = meter.CreateCounter<int>("c");
        var histogram = meter.CreateHistogram<int>("h");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Run(() =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                counter.Add(1, new KeyValuePair<string, object?>("k", i % 3));
                histogram.Record(1);
            }
        })));
        var families = collector.Scrape();
        Assert.Equal(80_000, families[0].Series.Sum(series => series.Value));
        Assert.Equal(80_000, families[1].Series[0].Value);
    }

    [Fact]
    public void Record_MoreLabelSetsThanAllowed_KeepsTheFirst()
    {
        using var scope = new MeterScope();
        using var collector = new MetricCollector(instrument => ReferenceEquals(instrument.Meter.Scope, scope));
        var counter = scope.Create(new MeterOptions("t")).CreateCounter<int>("c");
        for (var i = 0; i < 2000; i++)
            counter.Add(1, new KeyValuePair<string, object?>("k", i));
        Assert.Equal(512, collector.Scrape()[0].Series.Count);
    }
}
