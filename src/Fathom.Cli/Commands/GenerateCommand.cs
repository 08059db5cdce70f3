using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Serving;
using Fathom.Serving.Requests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Cli.Commands;

/// <summary>`fathom generate`: continues a text, once, on standard output.</summary>
internal static class GenerateCommand
{
    private static readonly Setting<string?> Prompt = Settings.Text("--prompt", "TEXT", "The text to continue; without it, standard input is read.");
    private static readonly Setting<int> MaxTokens = Settings.Integer("--max-tokens", "Most tokens to generate.", 256, 1);
    private static readonly Option<bool> Json = new("--json") { Description = "One JSON object with the text, finish reason and token counts." };

    private sealed record Report(string Text, string FinishReason, int PromptTokens, int CompletionTokens);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "generate", "Continues a text.", "fathom generate --prompt \"Once upon a time\" --max-tokens 64 --seed 1",
        [.. EngineSettings.SingleUser, Prompt.Option, MaxTokens.Option, .. SamplingSettings.Options, Json], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var (sampling, maxTokens) = (SamplingSettings.Read(options), MaxTokens.Read(options));
        var prompt = Prompt.Read(options) ?? await Console.In.ReadToEndAsync(cancellation);
        var serving = new ServingOptions { MaxBatch = 1, MaxContextTokens = EngineSettings.MaxContext.Read(options), QueueLimit = 1 };
        await using var loaded = LoadedModel.Start(invocation, serving, null, NullLoggerFactory.Instance);
        var request = new GenerationRequest
        {
            Prompt = loaded.Model.Tokenizer.Encode(prompt, addSpecial: true, parseSpecial: false),
            Sampling = sampling,
            MaxNewTokens = maxTokens,
        };
        var submission = loaded.Engine.Submit(request, cancellation);
        if (!submission.IsAccepted)
            throw new CommandException(submission.Refusal.Message);

        var json = options.GetValue(Json);
        var text = new System.Text.StringBuilder();
        var output = invocation.Terminal.Output;
        await foreach (var update in submission.Generation.ReadAllAsync(cancellation))
        {
            text.Append(update.Text);
            if (!json)
            {
                await output.WriteAsync(update.Text);
                await output.FlushAsync(cancellation);
            }
            if (update.FinishReason == FinishReason.Error)
                throw new CommandException(update.Error ?? "the engine failed");
            if (json && update is { FinishReason: { } reason, Usage: { } usage })
                JsonReport.WriteLine(output, new Report(text.ToString(), reason.ToString().ToLowerInvariant(), usage.PromptTokens, usage.CompletionTokens));
        }
        if (!json)
            await output.WriteLineAsync();
    }
}
