using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Tests;

/// <summary>What one run of the command gave.</summary>
internal sealed record FathomRun(int ExitCode, string Output, string Error)
{
    /// <summary>Runs `fathom` in this process.</summary>
    public static async Task<FathomRun> Start(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await FathomApplication.RunAsync(arguments, new Terminal(output, error));
        return new FathomRun(exitCode, output.ToString(), error.ToString());
    }
}
