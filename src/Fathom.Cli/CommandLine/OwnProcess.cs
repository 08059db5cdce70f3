using System.Diagnostics;

namespace Fathom.Cli.CommandLine;

/// <summary>This program once more, as a child process.</summary>
internal static class OwnProcess
{
    /// <summary>How to start it, with its standard output redirected.</summary>
    public static ProcessStartInfo With(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo { RedirectStandardOutput = true };
        if (Path.Combine(AppContext.BaseDirectory, "fathom.dll") is var library && File.Exists(library))
        {
            start.FileName = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";
            start.ArgumentList.Add(library);
        }
        else
        {
            start.FileName = Environment.ProcessPath!;
        }
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return start;
    }
}
