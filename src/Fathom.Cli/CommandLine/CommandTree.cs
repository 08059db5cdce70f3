using System.CommandLine;
using Fathom.Cli.Commands;
using Fathom.Cli.Commands.Bench;
using Fathom.Cli.Commands.Bpf;
using Fathom.Cli.Commands.Memory;
using Fathom.Cli.Commands.Model;

namespace Fathom.Cli.CommandLine;

/// <summary>Every command of `fathom`.</summary>
internal static class CommandTree
{
    public static RootCommand Build(Terminal terminal) =>
        new("Fathom serves generative Transformer models from machines that people own.")
        {
            ServeCommand.Create(terminal),
            ChatCommand.Create(terminal),
            GenerateCommand.Create(terminal),
            TokenizeCommand.Create(terminal),
            FathomCommand.Group("model", "Looks into model files and makes them.",
                InspectCommand.Create(terminal), LogitsCommand.Create(terminal),
                SynthesizeCommand.Create(terminal), QuantizeCommand.Create(terminal)),
            MemoryNodeCommand.Create(terminal),
            FathomCommand.Group("memory", "Far memory: a pool of other machines' memory that loses nothing.",
                ManagerCommand.Create(terminal), UpCommand.Create(terminal), MemoryBenchCommand.Create(terminal), SweepCommand.Create(terminal), ChaosCommand.Create(terminal),
                SimCommand.Create(terminal), BlocksCommand.Create(terminal)),
            Commands.Kv.KvCommands.Create(terminal),
            FathomCommand.Group("block-log", "KV blocks in a file on a drive.",
                Commands.BlockLogs.CrashTestCommand.Create(terminal), Commands.BlockLogs.CrashWriterCommand.Create(terminal)),
            FathomCommand.Group("bench", "Measures speed.", ModelCommand.Create(terminal), LoadCommand.Create(terminal), SchedulingCommand.Create(terminal),
                StorageCommand.Create(terminal), BlockLogCommand.Create(terminal), Commands.Bench.Tiers.TiersCommand.Create(terminal)),
            BpfCommands.Create(terminal),
        };
}
