using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Server.ChatClient;
using Fathom.Serving;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Cli.Commands;

/// <summary>`fathom chat`: a conversation in the terminal. /exit, Ctrl-C or the end of input leaves.</summary>
internal static class ChatCommand
{
    private const string Help = "/new starts over, /exit leaves.";

    private static readonly Setting<string?> SystemPrompt = Settings.Text("--system", "TEXT", "System prompt.");
    private static readonly Setting<int> MaxTokens = Settings.Integer("--max-tokens", "Most tokens of one answer.", 1024, 1);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "chat", "Talks with a model in the terminal.", "fathom chat --model model.gguf --system \"Answer in one sentence.\"",
        [.. EngineSettings.SingleUser, SystemPrompt.Option, MaxTokens.Option, .. SamplingSettings.Options], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var parsed = invocation.Options;
        var sampling = SamplingSettings.Read(parsed);
        var options = new ChatOptions { MaxOutputTokens = MaxTokens.Read(parsed), RawRepresentationFactory = _ => sampling };
        var serving = new ServingOptions { MaxBatch = 1, MaxContextTokens = EngineSettings.MaxContext.Read(parsed), QueueLimit = 1 };
        await using var loaded = LoadedModel.Start(invocation, serving, null, NullLoggerFactory.Instance);
        if (loaded.Served.ChatTemplate is null)
            throw new CommandException($"{loaded.Served.Name} has no chat template; use 'fathom generate'.");
        using var client = new FathomChatClient(loaded.Served);
        await ConverseAsync(client, options, SystemPrompt.Read(parsed), invocation.Terminal, cancellation);
    }

    private static async Task ConverseAsync(FathomChatClient client, ChatOptions options, string? system, Terminal terminal, CancellationToken cancellation)
    {
        if (terminal.ShowsProgress)
            await terminal.Error.WriteLineAsync(Help);
        var history = Start(system);
        while (!cancellation.IsCancellationRequested)
        {
            if (terminal.ShowsProgress)
                await terminal.Error.WriteAsync("> ");
            var line = await Console.In.ReadLineAsync(cancellation);
            switch (line?.Trim())
            {
                case null or "/exit":
                    return;
                case "":
                    continue;
                case "/new":
                    history = Start(system);
                    continue;
                case var text:
                    history.Add(new ChatMessage(ChatRole.User, text));
                    history.Add(new ChatMessage(ChatRole.Assistant, await AnswerAsync(client, history, options, terminal, cancellation)));
                    continue;
            }
        }
    }

    private static List<ChatMessage> Start(string? system) => system is null ? [] : [new ChatMessage(ChatRole.System, system)];

    private static async Task<string> AnswerAsync(
        FathomChatClient client, List<ChatMessage> history, ChatOptions options, Terminal terminal, CancellationToken cancellation)
    {
        var answer = new System.Text.StringBuilder();
        await foreach (var update in client.GetStreamingResponseAsync(history, options, cancellation))
        {
            answer.Append(update.Text);
            await terminal.Output.WriteAsync(update.Text);
            await terminal.Output.FlushAsync(cancellation);
        }
        await terminal.Output.WriteLineAsync();
        return answer.ToString();
    }
}
