// A store in a file: loaded in bulk, looked up, overwritten, scanned and added up. Run it with `dotnet run`.
using System.Buffers.Binary;
using System.Diagnostics;
using Fathom.Storage.KeyValue;

const int Records = 200_000;
var folder = Directory.CreateTempSubdirectory("fathom-sample-").FullName;
var path = Path.Combine(folder, "numbers.kv");

// 8-byte keys in nodes of 512 bytes, fan-out 31, as in the paper; values of 64 bytes that begin with a number.
KeyValueStore.Create(path, StoreShape.Fixed);
KeyValueStore.Load(path, Enumerable.Range(0, Records).Select(number => new KeyValuePair<byte[], byte[]>(Key(number), Value(3L * number))));

using (var store = KeyValueStore.Open(path, new KeyValueOptions { Functions = FunctionForm.Bpf }))
{
    var statistics = store.Statistics();
    Console.WriteLine($"{statistics.TreeEntries} entries in {statistics.Levels} levels; chains run on {store.Engine.Kind}: {store.Engine.Reason}");

    // One chain of reads, whatever the depth: the function finds the next page in each block and asks for it.
    var before = store.Statistics().EngineCounters;
    var found = store.Get(Key(123_456));
    var after = store.Statistics().EngineCounters;
    Console.WriteLine($"get: {BinaryPrimitives.ReadInt64LittleEndian(found)}, {after.Chains - before.Chains} chain of {after.Reads - before.Reads} reads");

    // Durable when it returns; merged into the tree later.
    store.Put(Key(10), Value(-1));
    store.Delete(Key(11));
    foreach (var pair in store.Range(Key(9), Key(12)))
        Console.WriteLine($"  {BinaryPrimitives.ReadInt64BigEndian(pair.Key)} = {BinaryPrimitives.ReadInt64LittleEndian(pair.Value)}");

    // The sum is made where the records are read; what the log has over the tree is taken in its place.
    var started = Stopwatch.GetTimestamp();
    var sum = store.Aggregate([]);
    Console.WriteLine($"count {sum.Count}, sum {sum.Sum}, min {sum.Min}, max {sum.Max} in {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0} ms");
}

var report = KeyValueStore.Check(path);
Console.WriteLine($"check: {report.Entries} entries, {report.Pages} pages, {report.LogEntries} writes in the log");
Directory.Delete(folder, recursive: true);

static byte[] Key(long number)
{
    var key = new byte[8];
    BinaryPrimitives.WriteInt64BigEndian(key, number);
    return key;
}

static byte[] Value(long number)
{
    var value = new byte[64];
    BinaryPrimitives.WriteInt64LittleEndian(value, number);
    return value;
}
