namespace Fathom.Ycsb.Workloads;

/// <summary>Chooses the record of each request.</summary>
/// <remarks>One thread's.</remarks>
internal sealed class RecordChooser
{
    private readonly RequestDistribution _distribution;
    private readonly BenchmarkRandom _random;
    private readonly Zipfian? _ranks;

    /// <param name="distribution">Which.</param>
    /// <param name="random">Where numbers come from.</param>
    /// <param name="latest">Ranks over the records there are, for <see cref="RequestDistribution.Latest"/>.</param>
    public RecordChooser(RequestDistribution distribution, BenchmarkRandom random, Zipfian latest)
    {
        _distribution = distribution;
        _random = random;
        _ranks = distribution switch
        {
            RequestDistribution.Zipfian => Zipfian.OfScrambled(),
            RequestDistribution.Latest => latest.Copy(),
            _ => null,
        };
    }

    /// <summary>A record among so many.</summary>
    public long Next(long records)
    {
        switch (_distribution)
        {
            case RequestDistribution.Uniform:
                return _random.NextBelow(records);
            case RequestDistribution.Zipfian:
                return RecordKeys.Hash(_ranks!.Next(_random)) % records;
            default:
                _ranks!.Grow(records);
                return Math.Max(0, records - 1 - _ranks.Next(_random));
        }
    }
}
