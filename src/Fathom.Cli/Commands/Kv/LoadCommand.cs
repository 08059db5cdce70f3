using System.CommandLine;
using System.Diagnostics;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;
using Fathom.Storage.KeyValue;
using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Loading;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv load`: fills an empty store, from a file or with numbered records.</summary>
internal static class LoadCommand
{
    private static readonly Setting<string?> From = Settings.Text("--from", "FILE", "Lines of key, tab, value, in any order; - is standard input.");
    private static readonly Setting<long?> Records = Settings.Optional("--records", "N", "Numbered records instead: key i, value of --value bytes that starts with i.", "none", 1, long.MaxValue);
    private static readonly Setting<int> ValueBytes = Settings.Integer("--value", "Bytes of a numbered record's value.", 64, 8, ValueRecordMax);
    private static readonly Setting<KeyKind> Keys = Settings.Choice("--keys", "Kind of keys if the store has to be made.", KeyKind.Variable, ("variable", KeyKind.Variable), ("fixed", KeyKind.Fixed));

    private const int ValueRecordMax = 16 << 20;

    private sealed record Report(string Path, long Entries, int Levels, long FileBytes, double ElapsedS);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "load", "Fills an empty store; makes it if it is not there.", "fathom kv load store.kv --records 1000000 --keys fixed",
        [StoreArguments.StorePath, From.Option, Records.Option, ValueBytes.Option, Keys.Option, StoreArguments.Json], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        var path = options.GetRequiredValue(StoreArguments.StorePath);
        var (from, records) = (From.Read(options), Records.Read(options));
        if (from is null == records is null)
            throw new UsageException("--from or --records: one of them must be given.");
        if (!File.Exists(path))
            KeyValueStore.Create(path, Keys.Read(options) == KeyKind.Fixed ? StoreShape.Fixed : StoreShape.Variable);
        KeyKind kind;
        using (var store = KeyValueStore.Open(path))
            kind = store.Kind;
        var started = Stopwatch.GetTimestamp();
        var pairs = from is null ? Numbered(records!.Value, ValueBytes.Read(options), kind) : Lines(from, kind);
        ProgressBar.Run($"Loading {Path.GetFileName(path)}", invocation.Terminal, report => KeyValueStore.Load(
            path, pairs, new LoadOptions { Progress = records is { } total && report is not null ? done => report((double)done / total) : null }, cancellation));
        var elapsed = Stopwatch.GetElapsedTime(started).TotalSeconds;
        using var loaded = KeyValueStore.Open(path);
        var statistics = loaded.Statistics();
        if (options.GetValue(StoreArguments.Json))
            JsonReport.WriteLine(invocation.Terminal.Output, new Report(path, statistics.TreeEntries, statistics.Levels, statistics.FileBytes, elapsed));
        else
            await invocation.Terminal.Output.WriteLineAsync($"{path}: {statistics.TreeEntries} entries in {statistics.Levels} levels, {ByteSize.Format(statistics.FileBytes)}, {elapsed:0.0} s");
    }

    private static IEnumerable<KeyValuePair<byte[], byte[]>> Numbered(long records, int valueBytes, KeyKind kind)
    {
        for (var number = 0L; number < records; number++)
        {
            var value = new byte[valueBytes];
            System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(value, number);
            yield return new KeyValuePair<byte[], byte[]>(StoreArguments.ParseKey(number.ToString(System.Globalization.CultureInfo.InvariantCulture), kind, "key"), value);
        }
    }

    private static IEnumerable<KeyValuePair<byte[], byte[]>> Lines(string path, KeyKind kind)
    {
        using var reader = path == "-" ? Console.In : new StreamReader(path);
        var line = 0;
        while (reader.ReadLine() is { } text)
        {
            line++;
            var tab = text.IndexOf('\t', StringComparison.Ordinal);
            if (tab < 0)
                throw new CommandException($"{path}: line {line} has no tab between key and value.");
            yield return new KeyValuePair<byte[], byte[]>(StoreArguments.ParseKey(text[..tab], kind, $"{path}: line {line}"), StoreArguments.ParseBytes(text[(tab + 1)..], $"{path}: line {line}"));
        }
    }
}
