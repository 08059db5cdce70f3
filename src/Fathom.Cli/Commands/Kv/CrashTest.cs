using System.Buffers.Binary;
using System.Diagnostics;
using Fathom.Cli.CommandLine;
using Fathom.Storage;
using Fathom.Storage.KeyValue;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Cli.Commands.Kv;

/// <summary>
/// Kills a process that writes to a store at random moments, again and again on the same files; after each kill the store must check clean and
/// hold every acknowledged commit whole, and of each writer's commit in flight all or nothing.
/// </summary>
/// <param name="path">The store's file; made here.</param>
/// <param name="seed">Seed of writes and moments.</param>
/// <param name="engine">Engine of writer and reader.</param>
internal sealed class CrashTest(string path, int seed, EngineKind engine)
{
    /// <summary>A moment is at most this long after the first acknowledgement, or after the process began.</summary>
    private const int MomentMsMax = 250;

    private static readonly Durability[] Durabilities = [Durability.None, Durability.Commit, Durability.Interval];

    private readonly Random _random = new(seed);
    private readonly KeyKind _kind = CrashWorkload.ShapeOf(seed).Kind;
    private readonly Dictionary<string, byte[]?> _model = [];

    /// <summary>Commits that were acknowledged so far.</summary>
    public long Acknowledged { get; private set; }

    /// <summary>Keys that are not as the acknowledged commits, and whole commits in flight, left them.</summary>
    public long Lost { get; private set; }

    /// <summary>Makes the store.</summary>
    public void Create() => KeyValueStore.Create(path, CrashWorkload.ShapeOf(seed));

    /// <summary>One kill and what follows.</summary>
    /// <exception cref="KeyValueException">The store does not check clean, or does not open.</exception>
    public async Task KillOnceAsync(int round, CancellationToken cancellation)
    {
        var durability = Durabilities[round % Durabilities.Length];
        var writeSeed = unchecked(seed * 7919 + round) & int.MaxValue;
        var acknowledged = await RunWriterAsync(writeSeed, durability, cancellation);
        KeyValueStore.Check(path, new KeyValueOptions { Engine = new StorageEngineOptions { Kind = engine } }, cancellation);
        using var store = KeyValueStore.Open(path, CrashWorkload.Options(durability) with { Engine = new StorageEngineOptions { Kind = engine } });
        for (var writer = 0; writer < acknowledged.Length; writer++)
            Verify(store, writeSeed, writer, acknowledged[writer]);
        VerifyAll(store);
    }

    /// <summary>Runs the writer until it is killed; numbers of the last commits that it acknowledged, -1 for none.</summary>
    private async Task<long[]> RunWriterAsync(int writeSeed, Durability durability, CancellationToken cancellation)
    {
        using var writer = Process.Start(StartOfWriter(writeSeed, durability)) ?? throw new CommandException("The writer cannot be started.");
        var last = Enumerable.Repeat(-1L, CrashWorkload.Writers).ToArray();
        try
        {
            var stream = writer.StandardOutput.BaseStream;
            var acknowledgement = new byte[CrashWriterCommand.AcknowledgementBytes];
            // One in five dies while it opens and recovers.
            var isEarly = _random.Next(5) == 0;
            if (isEarly || await stream.ReadAtLeastAsync(acknowledgement, acknowledgement.Length, throwOnEndOfStream: false, cancellation) == acknowledgement.Length)
            {
                if (!isEarly)
                    Take(acknowledgement, last);
                using var moment = new CancellationTokenSource(_random.Next(MomentMsMax));
                await TakeUntilAsync(stream, last, moment.Token);
            }
            writer.Kill();
            // What the pipe still holds was acknowledged too.
            while (await stream.ReadAtLeastAsync(acknowledgement, acknowledgement.Length, throwOnEndOfStream: false, cancellation) == acknowledgement.Length)
                Take(acknowledgement, last);
            await writer.WaitForExitAsync(cancellation);
        }
        finally
        {
            if (!writer.HasExited)
                writer.Kill();
        }
        const int KilledExit = 128 + 9;
        if (writer.ExitCode != KilledExit)
            throw new CommandException($"{path}: the writer ended by itself with {writer.ExitCode}: {(await writer.StandardError.ReadToEndAsync(cancellation)).Trim()}");
        return last;
    }

    private static async Task TakeUntilAsync(Stream stream, long[] last, CancellationToken moment)
    {
        var acknowledgement = new byte[CrashWriterCommand.AcknowledgementBytes];
        var filled = 0;
        try
        {
            while (true)
            {
                var read = await stream.ReadAsync(acknowledgement.AsMemory(filled), moment);
                if (read == 0)
                    return;
                filled += read;
                if (filled < acknowledgement.Length)
                    continue;
                Take(acknowledgement, last);
                filled = 0;
            }
        }
        catch (OperationCanceledException)
        {
            // The moment has come. Acknowledgements are written whole, so none is half taken.
        }
    }

    private static void Take(ReadOnlySpan<byte> acknowledgement, long[] last) =>
        last[BinaryPrimitives.ReadInt32LittleEndian(acknowledgement)] = BinaryPrimitives.ReadInt64LittleEndian(acknowledgement[4..]);

    /// <summary>Brings the model up to a writer's last acknowledged commit, and to the one in flight if that is there.</summary>
    private void Verify(KeyValueStore store, int writeSeed, int writer, long last)
    {
        for (var number = 0L; number <= last; number++)
            Apply(CrashWorkload.Commit(_kind, writeSeed, writer, number));
        Acknowledged += last + 1;
        var inFlight = CrashWorkload.Commit(_kind, writeSeed, writer, last + 1);
        var before = inFlight.All(write => Holds(store, write.Key, _model.GetValueOrDefault(Convert.ToHexString(write.Key))));
        if (!before)
            Apply(inFlight);
    }

    /// <summary>Everything that was ever acknowledged is there, as the last commit to it left it.</summary>
    private void VerifyAll(KeyValueStore store)
    {
        foreach (var (key, value) in _model)
            Lost += Holds(store, Convert.FromHexString(key), value) ? 0 : 1;
    }

    private static bool Holds(KeyValueStore store, byte[] key, byte[]? value)
    {
        var actual = store.Get(key);
        return value is null ? actual is null : actual.AsSpan().SequenceEqual(value) && actual is not null;
    }

    private void Apply(IReadOnlyList<(byte[] Key, byte[]? Value)> commit)
    {
        foreach (var (key, value) in commit)
            _model[Convert.ToHexString(key)] = value;
    }

    private ProcessStartInfo StartOfWriter(int writeSeed, Durability durability)
    {
        var start = OwnProcess.With(
            "kv", "crash-writer", path, "--seed", writeSeed.ToString(System.Globalization.CultureInfo.InvariantCulture),
            "--durability", durability.ToString().ToLowerInvariant(), "--engine", engine.ToString().ToLowerInvariant());
        start.RedirectStandardError = true;
        return start;
    }
}
