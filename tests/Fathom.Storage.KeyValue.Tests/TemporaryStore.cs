using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Tests;

/// <summary>A store in a folder of its own that goes with it.</summary>
internal sealed class TemporaryStore : IDisposable
{
    /// <summary>Flushes cost nothing in memory; what depends on a drive says so.</summary>
    private static readonly string Root = Directory.Exists("/dev/shm") ? "/dev/shm" : System.IO.Path.GetTempPath();

    private readonly string _folder = Directory.CreateDirectory(System.IO.Path.Combine(Root, $"fathom-kv-{Guid.NewGuid():N}")).FullName;

    public TemporaryStore(KeyKind kind = KeyKind.Variable, int pageBytes = 4096)
    {
        Path = System.IO.Path.Combine(_folder, "store");
        KeyValueStore.Create(Path, kind == KeyKind.Fixed ? StoreShape.Fixed : new StoreShape(kind, pageBytes));
    }

    public string Path { get; }

    /// <summary>Small tables, so that merges happen; no flushes, which kill -9 does not need.</summary>
    public static KeyValueOptions Options { get; } = new()
    {
        Durability = Durability.None,
        MemoryTableBytes = 64 << 10,
        PageCacheBytes = 64 << 10,
        ObjectCacheBytes = 1 << 20,
        Engine = new StorageEngineOptions { Kind = EngineKind.Threads, Threads = 4 },
    };

    public KeyValueStore Open(KeyValueOptions? options = null) => KeyValueStore.Open(Path, options ?? Options);

    public StoreReport Check() => KeyValueStore.Check(Path, Options);

    /// <summary>Copies the store's files as a crash at this moment would leave them.</summary>
    public TemporaryStore Snapshot()
    {
        var copy = new TemporaryStore();
        foreach (var file in Directory.EnumerateFiles(copy._folder))
            File.Delete(file);
        foreach (var file in Directory.EnumerateFiles(_folder).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)))
            File.Copy(file, System.IO.Path.Combine(copy._folder, System.IO.Path.GetFileName(file)));
        return copy;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
