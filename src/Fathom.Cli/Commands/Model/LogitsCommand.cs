using System.CommandLine;
using System.Runtime.InteropServices;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Kernels.Attention;
using Fathom.Models.Execution;

namespace Fathom.Cli.Commands.Model;

/// <summary>`fathom model logits`: the logits of every position of a token sequence, for comparing engines.</summary>
internal static class LogitsCommand
{
    private static readonly Setting<int[]> Tokens = Settings.Integers("--tokens", "Token ids of the sequence.", "", 0);
    private static readonly Setting<string?> Out = Settings.RequiredText("--out", "F", "File to write: [tokens, vocab] f32, little-endian.");
    private static readonly Setting<KvType> KvFormat = EngineSettings.KvFormatWithDefault(KvType.F32);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "logits", "Writes the logits of every position of a token sequence.", "fathom model logits --model model.gguf --tokens 1,2,3 --out logits.f32",
        [ModelSource.Option.Option, Tokens.Option, Out.Option, EngineSettings.Threads.Option, KvFormat.Option], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var tokens = Tokens.Read(options);
        var path = Out.ReadRequired(options);
        if (tokens.Length == 0)
            throw new UsageException("--tokens: must name at least one token.");
        using var model = ProgressBar.Load(ModelSource.Resolve(ModelSource.Option.Read(options)), EngineSettings.Threads.Read(options), 0, invocation.Terminal);
        if (tokens.Length > model.Config.ContextLength)
            throw new CommandException($"--tokens: {tokens.Length} tokens exceed the model's context of {model.Config.ContextLength}.");
        if (Array.Find(tokens, token => token >= model.Config.VocabularySize) is > 0 and var unknown)
            throw new CommandException($"--tokens: {unknown} is not a token id from 0 to {model.Config.VocabularySize - 1}.");

        var table = Enumerable.Range(0, (tokens.Length + KvStorage.BlockTokens - 1) / KvStorage.BlockTokens).ToArray();
        using var storage = model.CreateKvStorage(table.Length, KvFormat.Read(options));
        var batch = new ForwardBatch();
        batch.Add(tokens, 0, table, LogitRows.All);
        var logits = new float[checked(tokens.Length * model.Config.VocabularySize)];
        model.Forward(batch, storage, logits);
        await using var file = File.Create(path);
        await file.WriteAsync(MemoryMarshal.AsBytes(logits.AsSpan()).ToArray(), cancellation);
    }
}
