using System.CommandLine;
using Fathom.Bpf;
using Fathom.LoadGenerator;
using Fathom.Server;
using Fathom.Storage.KeyValue;
using Fathom.Ycsb;

namespace Fathom.Cli.CommandLine;

/// <summary>The `fathom` command: parses, runs, and turns every failure it can name into one line and an exit code.</summary>
internal static class FathomApplication
{
    public static async Task<int> RunAsync(string[] arguments, Terminal terminal)
    {
        var invocation = CommandTree.Build(terminal).Parse(arguments);
        if (invocation.Errors.Count > 0)
        {
            var cause = invocation.UnmatchedTokens is [var unknown, ..] ? $"'{unknown}' is not a command or option." : invocation.Errors[0].Message;
            await terminal.Error.WriteLineAsync($"fathom: {cause} (try '{HelpFor(invocation)}')");
            return ExitCodes.Usage;
        }
        try
        {
            var configuration = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                Output = terminal.Output,
                Error = terminal.Error,
                // The server drains by its own deadline after SIGTERM.
                ProcessTerminationTimeout = Timeout.InfiniteTimeSpan,
            };
            return await invocation.InvokeAsync(configuration);
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Interrupted;
        }
        catch (Exception error) when (error is UsageException or ServerOptionsException)
        {
            await terminal.Error.WriteLineAsync($"fathom: {error.Message}");
            return ExitCodes.Usage;
        }
        catch (Exception error) when (IsNameable(error))
        {
            await terminal.Error.WriteLineAsync($"fathom: {error.Message.ReplaceLineEndings(" ")}");
            return ExitCodes.Failure;
        }
    }

    /// <summary>Failures of the outside world; anything else is a bug of ours and keeps its stack trace.</summary>
    private static bool IsNameable(Exception error) =>
        error is CommandException or Models.ModelException or FarMemory.FarMemoryException or BpfException or ServerException or LoadGeneratorException or KeyValueException or YcsbException or IOException or UnauthorizedAccessException or HttpRequestException;

    private static string HelpFor(ParseResult invocation)
    {
        var names = new Stack<string>();
        for (var command = invocation.CommandResult; command is not null; command = command.Parent as System.CommandLine.Parsing.CommandResult)
            names.Push(command.Command is RootCommand ? "fathom" : command.Command.Name);
        return string.Join(' ', names) + " --help";
    }
}
