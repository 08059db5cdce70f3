using System.CommandLine;
using System.Diagnostics;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv crash-test`: kill -9 under load, as often as asked for.</summary>
internal static class CrashTestCommand
{
    private static readonly Setting<int> Kills = Settings.Integer("--kills", "How often.", 20, 1);
    private static readonly Setting<string?> Folder = Settings.Text("--folder", "DIR", "Where the store goes; a temporary folder if left out.");
    private static readonly Setting<int> Seed = Settings.Integer("--seed", "Seed of writes and moments; even: variable keys, odd: fixed.", 1, 0);

    /// <summary>Rounds on one store, then a new one: of the other kind of keys, so that both are tested.</summary>
    private const int KillsPerStore = 50;

    private sealed record Report(int Kills, long Lost, long Acknowledged, double ElapsedS, int Seed, string Machine, string Commit);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "crash-test", "Kills a process that writes to a store, at random moments, and checks that nothing acknowledged is lost.", "fathom kv crash-test --kills 500 --json",
        [Kills.Option, Folder.Option, Seed.Option, StoreArguments.Engine.Option, StoreArguments.Json], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var (kills, seed) = (Kills.Read(options), Seed.Read(options));
        var given = Folder.Read(options);
        var folder = given is null ? Directory.CreateTempSubdirectory("fathom-crash-").FullName : Directory.CreateDirectory(given).FullName;
        var started = Stopwatch.GetTimestamp();
        long lost = 0, acknowledged = 0;
        var done = 0;
        await ProgressBar.RunAsync("Killing", invocation.Terminal, async report =>
        {
            for (var store = 0; done < kills; store++)
            {
                var test = new CrashTest(Path.Combine(folder, $"crash-{store}.kv"), seed + store, StoreArguments.Engine.Read(options));
                test.Create();
                for (var round = 0; round < KillsPerStore && done < kills; round++)
                {
                    await test.KillOnceAsync(round, cancellation);
                    done++;
                    report?.Invoke((double)done / kills);
                }
                lost += test.Lost;
                acknowledged += test.Acknowledged;
            }
            return true;
        });
        var result = new Report(done, lost, acknowledged, Stopwatch.GetElapsedTime(started).TotalSeconds, seed, BenchmarkOrigin.Machine, BenchmarkOrigin.Commit);
        if (options.GetValue(StoreArguments.Json))
            JsonReport.WriteLine(invocation.Terminal.Output, result);
        else
            await invocation.Terminal.Output.WriteLineAsync($"{result.Kills} kills, {result.Acknowledged} commits acknowledged, {result.Lost} lost");
        if (lost > 0)
            throw new CommandException($"{lost} keys are not as acknowledged commits left them; the files are in {folder}");
        if (given is null)
            Directory.Delete(folder, recursive: true);
    }
}
