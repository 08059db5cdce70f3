using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Serving.Sampling;

namespace Fathom.Cli.Commands;

/// <summary>The sampling options of `generate` and `chat`.</summary>
internal static class SamplingSettings
{
    private static readonly Setting<double> Temperature = Settings.Number("--temperature", "T", "0 always takes the likeliest token.", 0.8, 0, 2);
    private static readonly Setting<double> TopP = Settings.Number("--top-p", "P", "Keep the likeliest tokens up to this mass.", 0.95, 0.0001, 1);
    private static readonly Setting<int> TopK = Settings.Integer("--top-k", "Keep this many tokens; 0 keeps all.", 0, 0);
    private static readonly Setting<double> MinP = Settings.Number("--min-p", "P", "Keep tokens at least this fraction as likely as the likeliest.", 0, 0, 1);
    private static readonly Setting<double> RepetitionPenalty = Settings.Number("--repetition-penalty", "R", "Above 1 discourages tokens that stand already.", 1, 0.01, 10);
    private static readonly Setting<ulong?> Seed = Settings.Optional("--seed", "N", "Makes the draws reproducible.", "a fresh one", 0UL, ulong.MaxValue);

    public static IEnumerable<Option> Options =>
        [Temperature.Option, TopP.Option, TopK.Option, MinP.Option, RepetitionPenalty.Option, Seed.Option];

    public static SamplingParameters Read(ParseResult options) => new()
    {
        Temperature = (float)Temperature.Read(options),
        TopP = (float)TopP.Read(options),
        TopK = TopK.Read(options),
        MinP = (float)MinP.Read(options),
        RepetitionPenalty = (float)RepetitionPenalty.Read(options),
        Seed = Seed.Read(options),
    };
}
