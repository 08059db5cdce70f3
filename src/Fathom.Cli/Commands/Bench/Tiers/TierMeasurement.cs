using Fathom.Cli.Reports;
using Fathom.Tiering;
using Fathom.Tiering.Metrics;

namespace Fathom.Cli.Commands.Bench.Tiers;

/// <summary>Times to the first token, and where prompts came from, of the conversations over one set of tiers.</summary>
internal sealed record TierMeasurement(
    string Tiers, int Requests, double MeanTtftMs, double MedianTtftMs, double P90TtftMs, double MaxTtftMs, double MeanLaterTurnsTtftMs,
    double CachedTokensShare, double Seconds, long DroppedBlocks, IReadOnlyList<TierFigures> PerTier)
{
    public static TierMeasurement Of(string tiers, TimedAnswer[][] users, double seconds, KvTiering? tiering)
    {
        double[] times = [.. users.SelectMany(answers => answers).Select(answer => 1000 * answer.FirstTokenSeconds).Order()];
        double[] later = [.. users.SelectMany(answers => answers.Skip(1)).Select(answer => 1000 * answer.FirstTokenSeconds)];
        double prompt = users.SelectMany(answers => answers).Sum(answer => (long)answer.PromptTokens);
        double cached = users.SelectMany(answers => answers).Sum(answer => (long)answer.CachedTokens);
        return new TierMeasurement(
            tiers, times.Length, Round(times.Average()), Round(Spread.Of(times).Median), Round(times[(int)(0.9 * (times.Length - 1))]), Round(times[^1]),
            Round(later.DefaultIfEmpty().Average()), Math.Round(cached / prompt, 4), Round(seconds), tiering?.DroppedBlocks ?? 0,
            [.. (tiering?.Report() ?? []).Select(TierFigures.Of)]);
    }

    private static double Round(double value) => Math.Round(value, 2);
}

/// <summary>What one tier did.</summary>
internal sealed record TierFigures(
    string Tier, long Blocks, long Bytes, long HitBlocks, long MissBlocks, long FetchedBlocks, long StoredBlocks, long NotStoredBlocks,
    long EvictedBlocks, long Fallbacks, long AvoidedTokens)
{
    public static TierFigures Of(KvTierReport report) => new(
        report.Name, report.Usage.Blocks, report.Usage.Bytes, report.Totals.HitBlocks, report.Totals.MissBlocks, report.Totals.FetchedBlocks,
        report.Totals.StoredBlocks, report.Totals.NotStoredBlocks, report.Usage.EvictedBlocks, report.Totals.Fallbacks, report.Totals.AvoidedTokens);
}

/// <summary>What tiers cost prompts that they have nothing of; both engines over the same prompts, by turns.</summary>
/// <param name="Rounds">Rounds of prompts.</param>
/// <param name="PromptTokens">Tokens of each.</param>
/// <param name="TtftMs">Median time to the first token without tiers.</param>
/// <param name="TieredTtftMs">With tiers.</param>
/// <param name="TtftOverhead">Median over the rounds of tiered over plain mean time to the first token, less one.</param>
/// <param name="TimeOverhead">The same of the time of a round, until everything is written.</param>
internal sealed record OverheadMeasurement(int Rounds, int PromptTokens, double TtftMs, double TieredTtftMs, double TtftOverhead, double TimeOverhead);
