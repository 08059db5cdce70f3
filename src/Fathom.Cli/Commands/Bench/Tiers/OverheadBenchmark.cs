using System.Diagnostics;
using Fathom.Cli.Reports;

namespace Fathom.Cli.Commands.Bench.Tiers;

/// <summary>Prompts that nobody has said before, by turns on an engine without tiers and on one with.</summary>
/// <remarks>The two engines share the model, so that they never run at the same time; a round ends when everything is written.</remarks>
internal sealed class OverheadBenchmark(TieredRun plain, TieredRun tiered, ConversationWorkload workload)
{
    private const int PromptsPerRound = 4;
    private const int OutputTokens = 16;

    public async Task<OverheadMeasurement> RunAsync(int rounds, int promptTokens, CancellationToken cancellation)
    {
        var index = 0;
        List<double> plainTtft = [], tieredTtft = [], ttftRatios = [], timeRatios = [];
        for (var round = -1; round < rounds; round++)
        {
            var first = await RoundAsync(round % 2 == 0 ? plain : tiered);
            var second = await RoundAsync(round % 2 == 0 ? tiered : plain);
            var (without, with) = round % 2 == 0 ? (first, second) : (second, first);
            if (round < 0)
                continue; // code and memory warm up
            plainTtft.Add(without.Ttft);
            tieredTtft.Add(with.Ttft);
            ttftRatios.Add(with.Ttft / without.Ttft);
            timeRatios.Add(with.Seconds / without.Seconds);
        }
        return new OverheadMeasurement(
            rounds, promptTokens, Math.Round(1000 * Spread.Of(plainTtft).Median, 2), Math.Round(1000 * Spread.Of(tieredTtft).Median, 2),
            Math.Round(Spread.Of(ttftRatios).Median - 1, 4), Math.Round(Spread.Of(timeRatios).Median - 1, 4));

        async Task<(double Ttft, double Seconds)> RoundAsync(TieredRun run)
        {
            var start = Stopwatch.GetTimestamp();
            var ttft = 0d;
            for (var i = 0; i < PromptsPerRound; i++)
                ttft += (await run.AskAsync(workload.Unheard(index++, promptTokens), OutputTokens, cancellation)).FirstTokenSeconds;
            if (run.Tiers is { } tiers)
                await tiers.Tiering.DrainAsync(cancellation);
            return (ttft / PromptsPerRound, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }
}
