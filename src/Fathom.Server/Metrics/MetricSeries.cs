namespace Fathom.Server.Metrics;

/// <summary>The measurements of one instrument under one set of labels. Any thread may record; a scrape may see a histogram between two records.</summary>
internal sealed class MetricSeries
{
    private readonly double[] _bounds;
    private readonly long[] _bucketCounts;
    private double _value;

    /// <param name="tags">The tags as they were recorded; the series owns its copy.</param>
    /// <param name="labels">The same as Prometheus label text, such as <c>model_name="x"</c>.</param>
    /// <param name="bounds">Upper bounds of a histogram's buckets, ascending; empty for everything else.</param>
    public MetricSeries(KeyValuePair<string, object?>[] tags, string labels, double[] bounds)
    {
        Tags = tags;
        Labels = labels;
        _bounds = bounds;
        _bucketCounts = new long[bounds.Length + 1];
    }

    public KeyValuePair<string, object?>[] Tags { get; }

    public string Labels { get; }

    /// <summary>Value of a counter or gauge; sum of a histogram.</summary>
    public double Value => Volatile.Read(ref _value);

    public void Set(double value) => Volatile.Write(ref _value, value);

    public void Add(double delta)
    {
        var seen = Volatile.Read(ref _value);
        while (true)
        {
            var before = Interlocked.CompareExchange(ref _value, seen + delta, seen);
            if (BitConverter.DoubleToInt64Bits(before) == BitConverter.DoubleToInt64Bits(seen))
                return;
            seen = before;
        }
    }

    public void Observe(double value)
    {
        var bucket = 0;
        while (bucket < _bounds.Length && value > _bounds[bucket])
            bucket++;
        Interlocked.Increment(ref _bucketCounts[bucket]);
        Add(value);
    }

    /// <summary>Observations in the bucket itself, not cumulative; the last bucket is above every bound.</summary>
    public long BucketCount(int bucket) => Interlocked.Read(ref _bucketCounts[bucket]);

    public bool Matches(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.Length != Tags.Length)
            return false;
        for (var i = 0; i < tags.Length; i++)
        {
            if (!string.Equals(tags[i].Key, Tags[i].Key, StringComparison.Ordinal) || !Equals(tags[i].Value, Tags[i].Value))
                return false;
        }

        return true;
    }
}
