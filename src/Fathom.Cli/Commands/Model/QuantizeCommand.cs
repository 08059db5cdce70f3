using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Models.Quantization;

namespace Fathom.Cli.Commands.Model;

/// <summary>`fathom model quantize`: a model in full or half precision to a GGUF file of another format.</summary>
internal static class QuantizeCommand
{
    private static readonly Argument<string> In = new("IN") { Description = "GGUF file with F32, F16 or BF16 weights, or Hugging Face folder." };
    private static readonly Argument<string> Out = new("OUT") { Description = "GGUF file to write." };

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "quantize", "Converts a model to a GGUF file of another format.", "fathom model quantize --type q4_k_m model-f16.gguf model-q4_k_m.gguf",
        [WeightFormats.Type.Option, In, Out, EngineSettings.Threads.Option], terminal, RunAsync);

    private static Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var input = ModelSource.Resolve(options.GetRequiredValue(In));
        var output = options.GetRequiredValue(Out);
        if (Path.GetFullPath(output) == input)
            throw new UsageException($"OUT: '{output}' must be another file than IN.");
        ProgressBar.Run($"Writing {Path.GetFileName(output)}", invocation.Terminal, report =>
            ModelQuantizer.Quantize(input, output, WeightFormats.Type.Read(options), EngineSettings.Threads.Read(options), report, cancellation));
        return Task.CompletedTask;
    }
}
