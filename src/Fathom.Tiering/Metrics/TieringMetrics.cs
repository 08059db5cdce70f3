using System.Diagnostics.Metrics;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Metrics;

/// <summary>Why blocks that a tier had were computed instead.</summary>
internal enum FallbackReason
{
    Deadline,
    Failure,
    Gone,
    Corrupt,
    Cost,
}

/// <summary>The instruments of one tiering, with the tags <c>model_name</c> and, for what a tier did, <c>tier</c>.</summary>
/// <remarks>Any thread.</remarks>
internal sealed class TieringMetrics
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Fathom.Tiering";

    private static readonly double[] FetchBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

    private readonly Meter _meter;
    private readonly string _model;
    private readonly Counter<long> _dropped;
    private long _droppedBlocks;

    public TieringMetrics(IMeterFactory meters, string modelName)
    {
        _meter = meters.Create(MeterName);
        _model = modelName;
        Hits = _meter.CreateCounter<long>("fathom:kv_tier_hits", "{block}", "Blocks that look-ups found in the tier.");
        Misses = _meter.CreateCounter<long>("fathom:kv_tier_misses", "{block}", "Blocks that look-ups wanted and the tier did not have.");
        Fetched = _meter.CreateCounter<long>("fathom:kv_tier_fetched", "{block}", "Blocks that came from the tier.");
        Stored = _meter.CreateCounter<long>("fathom:kv_tier_stored", "{block}", "Blocks written to the tier.");
        NotStored = _meter.CreateCounter<long>("fathom:kv_tier_not_stored", "{block}", "Blocks that the tier did not take.");
        Fallbacks = _meter.CreateCounter<long>("fathom:kv_tier_fallbacks", "{load}", "Loads that were cut short and computed, by reason.");
        AvoidedTokens = _meter.CreateCounter<long>("fathom:kv_tier_recompute_avoided_tokens", "{token}", "Prompt tokens that came from the tier instead of being computed.");
        AvoidedSeconds = _meter.CreateCounter<double>("fathom:kv_tier_recompute_avoided_seconds", "s", "Time that computing them would have taken, by the rate measured.");
        FetchSeconds = _meter.CreateHistogram(
            "fathom:kv_tier_fetch_seconds", "s", "Time of a fetch.", tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = FetchBuckets });
        _dropped = _meter.CreateCounter<long>("fathom:kv_tiers_dropped", "{block}", "Full blocks that were not offered to the tiers, for too many were on their way.");
    }

    internal Counter<long> Hits { get; }

    internal Counter<long> Misses { get; }

    internal Counter<long> Fetched { get; }

    internal Counter<long> Stored { get; }

    internal Counter<long> NotStored { get; }

    internal Counter<long> Fallbacks { get; }

    internal Counter<long> AvoidedTokens { get; }

    internal Counter<double> AvoidedSeconds { get; }

    internal Histogram<double> FetchSeconds { get; }

    /// <summary>Blocks dropped so far.</summary>
    public long DroppedBlocks => Interlocked.Read(ref _droppedBlocks);

    public void Dropped(int blocks)
    {
        Interlocked.Add(ref _droppedBlocks, blocks);
        _dropped.Add(blocks, new KeyValuePair<string, object?>("model_name", _model));
    }

    /// <summary>The account of a tier; its gauges are read whenever somebody collects.</summary>
    public TierAccount Open(string tier, Func<KvTierUsage> usage)
    {
        KeyValuePair<string, object?>[] tags = [new("model_name", _model), new("tier", tier)];
        _meter.CreateObservableGauge("fathom:kv_tier_blocks", () => new Measurement<long>(usage().Blocks, tags), "{block}", "Blocks in the tier.");
        _meter.CreateObservableGauge("fathom:kv_tier_bytes", () => new Measurement<long>(usage().Bytes, tags), "By", "Bytes of those blocks.");
        _meter.CreateObservableGauge("fathom:kv_tier_capacity_bytes", () => new Measurement<long>(usage().CapacityBytes, tags), "By", "Bytes that the tier may hold.");
        _meter.CreateObservableCounter("fathom:kv_tier_evicted", () => new Measurement<long>(usage().EvictedBlocks, tags), "{block}", "Blocks that made room for others.");
        _meter.CreateObservableCounter("fathom:kv_tier_corrupt", () => new Measurement<long>(usage().CorruptBlocks, tags), "{block}", "Blocks whose bytes were not those stored.");
        return new TierAccount(this, tags);
    }
}

/// <summary>What one tier gave and took.</summary>
/// <remarks>Any thread.</remarks>
internal sealed class TierAccount(TieringMetrics metrics, KeyValuePair<string, object?>[] tags)
{
    private const int BlockTokens = Models.Execution.ForwardBatch.BlockTokens;

    private long _hits;
    private long _misses;
    private long _fetched;
    private long _stored;
    private long _notStored;
    private long _fallbacks;
    private long _avoidedTokens;

    public KvTierTotals Totals => new(
        Interlocked.Read(ref _hits), Interlocked.Read(ref _misses), Interlocked.Read(ref _fetched), Interlocked.Read(ref _stored),
        Interlocked.Read(ref _notStored), Interlocked.Read(ref _fallbacks), Interlocked.Read(ref _avoidedTokens));

    public void LookedUp(int hits, int misses)
    {
        Interlocked.Add(ref _hits, hits);
        Interlocked.Add(ref _misses, misses);
        metrics.Hits.Add(hits, tags);
        metrics.Misses.Add(misses, tags);
    }

    public void Fetched(int blocks, double seconds)
    {
        Interlocked.Add(ref _fetched, blocks);
        metrics.Fetched.Add(blocks, tags);
        metrics.FetchSeconds.Record(seconds, tags);
    }

    public void Stored(int blocks)
    {
        Interlocked.Add(ref _stored, blocks);
        metrics.Stored.Add(blocks, tags);
    }

    public void NotStored(int blocks)
    {
        Interlocked.Add(ref _notStored, blocks);
        metrics.NotStored.Add(blocks, tags);
    }

    public void FellBack(FallbackReason reason)
    {
        Interlocked.Increment(ref _fallbacks);
        metrics.Fallbacks.Add(1, [.. tags, new KeyValuePair<string, object?>("reason", NameOf(reason))]);
    }

    public void Used(int blocks, double avoidedSeconds)
    {
        if (blocks == 0)
            return;
        Interlocked.Add(ref _avoidedTokens, (long)blocks * BlockTokens);
        metrics.AvoidedTokens.Add((long)blocks * BlockTokens, tags);
        metrics.AvoidedSeconds.Add(avoidedSeconds, tags);
    }

    private static string NameOf(FallbackReason reason) => reason switch
    {
        FallbackReason.Deadline => "deadline",
        FallbackReason.Failure => "failure",
        FallbackReason.Gone => "gone",
        FallbackReason.Corrupt => "corrupt",
        _ => "cost",
    };
}
