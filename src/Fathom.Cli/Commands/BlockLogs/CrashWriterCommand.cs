using System.Buffers.Binary;
using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Tiering.BlockLog;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fathom.Cli.Commands.BlockLogs;

/// <summary>`fathom block-log crash-writer`: the child of a crash test. Stores until it is killed; says on standard output what was acknowledged.</summary>
internal static class CrashWriterCommand
{
    /// <summary>Bytes of an acknowledgement: conversation and its stored blocks.</summary>
    public const int AcknowledgementBytes = 8;

    private static readonly Argument<string> LogPath = new("PATH") { Description = "The log." };
    private static readonly Setting<int> Seed = Settings.Integer("--seed", "Seed of the conversations.", 1, 0);
    private static readonly Setting<int> Round = Settings.Integer("--round", "Seed of their growth.", 1, 0);

    public static Command Create(Terminal terminal)
    {
        var command = FathomCommand.Create(
            "crash-writer", "Stores blocks until it is killed (used by crash-test).", "fathom block-log crash-writer kv.log --seed 1",
            [LogPath, Seed.Option, Round.Option], terminal, RunAsync);
        command.Hidden = true;
        return command;
    }

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var (seed, random) = (Seed.Read(options), new Random(Round.Read(options)));
        var chains = Enumerable.Range(0, CrashWorkload.Conversations).Select(conversation => CrashWorkload.Chain(seed, conversation)).ToList();
        await using var log = KvBlockLog.Open(CrashWorkload.Options(options.GetRequiredValue(LogPath)), NullLogger.Instance);
        using var output = Console.OpenStandardOutput();
        var stored = new int[chains.Count];
        for (var i = 0; i < chains.Count; i++)
            stored[i] = (await CrashWorkload.VerifyAsync(log, chains[i], cancellation)).Stored;
        var acknowledgement = new byte[AcknowledgementBytes];
        while (!cancellation.IsCancellationRequested && stored.Min() < CrashWorkload.BlocksMax)
        {
            var conversation = random.Next(chains.Count);
            stored[conversation] = await CrashWorkload.StoreAsync(log, chains[conversation], stored[conversation], random.Next(1, 12), cancellation);
            BinaryPrimitives.WriteInt32LittleEndian(acknowledgement, conversation);
            BinaryPrimitives.WriteInt32LittleEndian(acknowledgement.AsSpan(4), stored[conversation]);
            await output.WriteAsync(acknowledgement, cancellation);
            await output.FlushAsync(cancellation);
        }
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellation); // full: waits for its end
    }
}
