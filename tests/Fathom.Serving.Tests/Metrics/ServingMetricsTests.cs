using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Fathom.Serving.Engine;
using Fathom.Serving.Metrics;
using Fathom.Serving.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Serving.Tests.Metrics;

public class ServingMetricsTests
{
    [Fact]
    public async Task Instruments_AfterSomeRequests_AddUp()
    {
        using var meters = new TestMeterFactory();
        var sums = new ConcurrentDictionary<string, double>();
        var counts = new ConcurrentDictionary<string, int>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, meters))
                    self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.Start();

        var engine = new ServingEngine(
            new SimulatedModel(), new ByteTokenizer(), new ServingOptions(), new ServingMetrics(meters, "m"), NullLogger<ServingEngine>.Instance);
        for (int i = 0; i < 3; i++)
            await EngineHarness.ReadAsync(engine.Submit(EngineHarness.Request(EngineHarness.Prompt(9, 40), 10)).Generation!);
        await EngineHarness.ReadAsync(engine.Submit(EngineHarness.Request([1, 2], 5) with { Choices = 2 }, new CancellationToken(canceled: true)).Generation!);
        await engine.DisposeAsync();
        listener.RecordObservableInstruments();

        Assert.Equal(120, sums["fathom:prompt_tokens"]);
        Assert.Equal(64, sums["fathom:prompt_tokens_cached"]);
        Assert.Equal(120, sums["fathom:prefix_cache_queries"]);
        Assert.Equal(64, sums["fathom:prefix_cache_hits"]);
        Assert.Equal(30, sums["fathom:generation_tokens"]);
        Assert.Equal(3, sums["fathom:request_success length"]);
        Assert.Equal(1, sums["fathom:request_success abort"]);
        Assert.Equal(3, counts["fathom:time_to_first_token_seconds"]);
        Assert.Equal(27, counts["fathom:inter_token_latency_seconds"]);
        Assert.Equal(3, counts["fathom:request_time_per_output_token_seconds"]);
        Assert.Equal(4, counts["fathom:e2e_request_latency_seconds"]);
        Assert.Equal(3, counts["fathom:request_queue_time_seconds"]);
        Assert.Equal(3, counts["fathom:request_prefill_time_seconds"]);
        Assert.Equal(3, counts["fathom:request_decode_time_seconds"]);
        Assert.Equal(3, counts["gen_ai.server.time_to_first_token"]);
        Assert.Equal(30, sums["fathom:request_generation_tokens"]);
        // 40 + 8 + 8 prompt tokens were computed, and 9 decodes of each.
        Assert.Equal(56 + 27, sums["fathom:iteration_tokens_total"]);
        Assert.Equal(0, sums["fathom:num_requests_running"]);
        Assert.Equal(0, sums["fathom:num_requests_waiting"]);
        Assert.Equal(0, sums["fathom:kv_cache_usage_perc"]);

        void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string name = instrument.Name;
            Assert.Equal("m", tags[0].Value);
            if (tags.Length > 1)
                name += " " + tags[1].Value;
            sums.AddOrUpdate(name, value, (_, sum) => sum + value);
            counts.AddOrUpdate(name, 1, (_, count) => count + 1);
        }
    }
}
