using Fathom.Storage.KeyValue.Files;
using Fathom.Storage.KeyValue.Format;
using Fathom.Storage.KeyValue.Merging;
using Fathom.Storage.KeyValue.Space;
using Fathom.Storage.KeyValue.Tables;

namespace Fathom.Storage.KeyValue.Loading;

/// <summary>Fills an empty store: sorts, writes records and pages in order, and makes one checkpoint of it.</summary>
internal static class BulkLoad
{
    private const int ProgressPairs = 10_000;

    /// <inheritdoc cref="KeyValueStore.Load"/>
    public static void Run(string path, IEnumerable<KeyValuePair<byte[], byte[]>> pairs, LoadOptions options, CancellationToken cancellation)
    {
        using var fileLock = StoreFiles.Lock(path);
        using var file = StoreFile.Open(path, new StorageEngineOptions { Kind = EngineKind.Threads }, options.Direct);
        var header = StoreFiles.ReadHeader(file);
        var table = new MemoryTable(header.FirstSegment);
        StoreFiles.Recover(path, header, table).Dispose();
        if (header.Levels > 0 || table.Count > 0)
            throw new StoreRefusedException(path, StoreRefusal.NotEmpty, "is not empty");

        using var runs = new SortedRuns(path, options.SortBytes);
        foreach (var pair in pairs)
        {
            cancellation.ThrowIfCancellationRequested();
            Check(path, header.Kind, pair);
            runs.Add(pair);
        }
        var space = new StoreSpace(header.PageBytes, StoreFiles.ReadSpaceMap(file, header));
        var builder = new TreeBuilder(file, space, header.Kind, header.PageBytes);
        foreach (var (key, value) in runs.Merge())
        {
            builder.Add(key, value);
            if (builder.Entries % ProgressPairs != 0)
                continue;
            cancellation.ThrowIfCancellationRequested();
            options.Progress?.Invoke(builder.Entries);
        }
        var tree = builder.Finish(header);
        CheckpointWriter.Write(file, space, tree with { Checkpoint = header.Checkpoint + 1 });
        options.Progress?.Invoke(builder.Entries);
    }

    private static void Check(string path, KeyKind kind, in KeyValuePair<byte[], byte[]> pair)
    {
        if (kind == KeyKind.Fixed ? pair.Key.Length != 8 : pair.Key.Length is < 1 or > KeyOrder.KeyBytesMax)
            throw new StoreRefusedException(path, StoreRefusal.Key, $"a key has {pair.Key.Length} bytes");
        if (pair.Value.Length > ValueRecord.ValueBytesMax)
            throw new StoreRefusedException(path, StoreRefusal.Value, $"a value has {pair.Value.Length} bytes");
    }
}
