using System.CommandLine;
using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv`: stores in a file.</summary>
internal static class KvCommands
{
    public static Command Create(Terminal terminal) => FathomCommand.Group(
        "kv", "Key-value stores in a file.",
        CreateCommand.Create(terminal), LoadCommand.Create(terminal), PutCommand.Create(terminal), GetCommand.Create(terminal), ScanCommand.Create(terminal),
        StatCommand.Create(terminal), CheckCommand.Create(terminal), BenchCommand.Create(terminal), CrashTestCommand.Create(terminal), CrashWriterCommand.Create(terminal));
}
