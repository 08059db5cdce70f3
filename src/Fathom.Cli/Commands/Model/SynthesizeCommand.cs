using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Models.Synthesis;

namespace Fathom.Cli.Commands.Model;

/// <summary>`fathom model synthesize`: a model of random weights with a valid vocabulary, for tests and benchmarks.</summary>
internal static class SynthesizeCommand
{
    private static readonly Setting<ModelShape> Shape = Settings.Choice(
        "--shape", "Size of the model.", ModelShape.All[0], [.. ModelShape.All.Select(shape => (shape.Name, shape))]);

    private static readonly Setting<ulong> Seed = Settings.Seed("Seed of the weights; the same seed gives the same bytes.", 1);
    private static readonly Setting<string?> Out = Settings.RequiredText("--out", "F", "GGUF file to write.");

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "synthesize", "Makes a model of random weights.", "fathom model synthesize --shape 125m --type q8_0 --seed 1 --out 125m.gguf",
        [Shape.Option, WeightFormats.Type.Option, Seed.Option, Out.Option, EngineSettings.Threads.Option], terminal, RunAsync);

    private static Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var (shape, format, seed, output, threads) =
            (Shape.Read(options), WeightFormats.Type.Read(options), Seed.Read(options), Out.ReadRequired(options), EngineSettings.Threads.Read(options));
        ProgressBar.Run($"Writing {Path.GetFileName(output)}", invocation.Terminal, report =>
            ModelSynthesizer.Synthesize(output, shape, format, seed, threads, report, cancellation));
        return Task.CompletedTask;
    }
}
