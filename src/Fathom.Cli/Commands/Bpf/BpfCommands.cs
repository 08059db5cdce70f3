using System.CommandLine;
using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Commands.Bpf;

/// <summary>`fathom bpf`.</summary>
internal static class BpfCommands
{
    public static Command Create(Terminal terminal) => FathomCommand.Group(
        "bpf", "Verifies, shows, runs and measures storage functions.",
        VerifyCommand.Create(terminal), DisassembleCommand.Create(terminal), RunCommand.Create(terminal), BenchCommand.Create(terminal),
        FuzzCommand.Create(terminal), PluginCommand.Create(terminal));
}
