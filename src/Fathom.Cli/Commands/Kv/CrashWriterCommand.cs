using System.Buffers.Binary;
using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Storage.KeyValue;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv crash-writer`: the child of a crash test. Writes until it is killed; says on standard output what was acknowledged.</summary>
internal static class CrashWriterCommand
{
    /// <summary>Bytes of an acknowledgement: writer and number of the commit.</summary>
    public const int AcknowledgementBytes = 12;

    private static readonly Setting<int> Seed = Settings.Integer("--seed", "Seed of the writes.", 1, 0);

    public static Command Create(Terminal terminal)
    {
        var command = FathomCommand.Create(
            "crash-writer", "Writes until it is killed (used by crash-test).", "fathom kv crash-writer store.kv --seed 1",
            [StoreArguments.StorePath, Seed.Option, StoreArguments.Engine.Option, StoreArguments.Durability.Option], terminal, RunAsync);
        command.Hidden = true;
        return command;
    }

    private static Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        using var store = KeyValueStore.Open(
            options.GetRequiredValue(StoreArguments.StorePath),
            CrashWorkload.Options(StoreArguments.Durability.Read(options)) with { Engine = StoreArguments.StoreOptions(options).Engine });
        var seed = Seed.Read(options);
        using var output = Console.OpenStandardOutput();
        var gate = new Lock();
        var threads = Enumerable.Range(0, CrashWorkload.Writers).Select(writer => new Thread(() => Write(store, seed, writer, output, gate, cancellation))).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return Task.CompletedTask;
    }

    private static void Write(KeyValueStore store, int seed, int writer, Stream output, Lock gate, CancellationToken cancellation)
    {
        var batch = new WriteBatch();
        var acknowledgement = new byte[AcknowledgementBytes];
        for (var number = 0L; !cancellation.IsCancellationRequested; number++)
        {
            batch.Clear();
            foreach (var (key, value) in CrashWorkload.Commit(store.Kind, seed, writer, number))
            {
                if (value is null)
                    batch.Delete(key);
                else
                    batch.Put(key, value);
            }
            store.Write(batch);
            BinaryPrimitives.WriteInt32LittleEndian(acknowledgement, writer);
            BinaryPrimitives.WriteInt64LittleEndian(acknowledgement.AsSpan(4), number);
            lock (gate)
            {
                output.Write(acknowledgement);
                output.Flush();
            }
        }
    }
}
