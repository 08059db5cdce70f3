using Fathom.Cli.CommandLine;
using Fathom.Models.Execution;
using Spectre.Console;

namespace Fathom.Cli.Reports;

/// <summary>Long work with a bar on standard error where a person watches; elsewhere the work alone.</summary>
internal static class ProgressBar
{
    /// <summary>Loads a model.</summary>
    public static TransformerModel Load(string path, int threads, int contextTokens, Terminal terminal, bool keepsPacked = false) =>
        Run($"Loading {Path.GetFileName(path)}", terminal, report => TransformerModel.Load(
            path, new ModelLoadOptions { Threads = threads, ContextLength = contextTokens, Progress = report, KeepsPacked = keepsPacked }));

    /// <summary>Runs work that reports a fraction from 0 to 1 and gives nothing back.</summary>
    public static void Run(string title, Terminal terminal, Action<Action<double>?> work) =>
        Run(title, terminal, report =>
        {
            work(report);
            return true;
        });

    /// <summary>Runs work that reports a fraction from 0 to 1.</summary>
    public static T Run<T>(string title, Terminal terminal, Func<Action<double>?, T> work) =>
        terminal.ShowsProgress ? Bar(terminal).Start(context => work(Reporter(context, title))) : work(null);

    /// <summary>Runs asynchronous work that reports a fraction from 0 to 1.</summary>
    public static Task<T> RunAsync<T>(string title, Terminal terminal, Func<Action<double>?, Task<T>> work) =>
        terminal.ShowsProgress ? Bar(terminal).StartAsync(context => work(Reporter(context, title))) : work(null);

    private static Progress Bar(Terminal terminal) =>
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(terminal.Error) }).Progress().AutoClear(true);

    private static Action<double> Reporter(ProgressContext context, string title)
    {
        var task = context.AddTask(Markup.Escape(title), maxValue: 1);
        return fraction => task.Value = fraction;
    }
}
