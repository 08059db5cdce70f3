using System.Diagnostics;

namespace Fathom.Cli.Tests;

/// <summary>`fathom` as a process of its own, which can be killed.</summary>
internal static class FathomProcess
{
    /// <summary>Starts it; its standard output is the caller's to read.</summary>
    public static Process Start(params IEnumerable<string> arguments) => Process.Start(new ProcessStartInfo("dotnet",
        [typeof(FathomProcess).Assembly.Location.Replace("Fathom.Cli.Tests.dll", "fathom.dll", StringComparison.Ordinal), .. arguments])
    {
        RedirectStandardOutput = true,
    })!;
}
