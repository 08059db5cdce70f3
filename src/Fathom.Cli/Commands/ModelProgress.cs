using Fathom.Cli.CommandLine;
using Fathom.Models.Execution;
using Spectre.Console;

namespace Fathom.Cli.Commands;

/// <summary>Long work on models with a bar on standard error where a person watches.</summary>
internal static class ModelProgress
{
    public static TransformerModel Load(string path, int threads, int contextTokens, Terminal terminal) =>
        Run($"Loading {Path.GetFileName(path)}", terminal, report => TransformerModel.Load(
            path, new ModelLoadOptions { Threads = threads, ContextLength = contextTokens, Progress = report }));

    /// <summary>Runs work that reports a fraction from 0 to 1.</summary>
    public static T Run<T>(string title, Terminal terminal, Func<Action<double>?, T> work)
    {
        if (!terminal.ShowsProgress)
            return work(null);
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(terminal.Error) });
        return console.Progress().AutoClear(true).Start(context =>
        {
            var task = context.AddTask(Markup.Escape(title), maxValue: 1);
            return work(fraction => task.Value = fraction);
        });
    }
}
