using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Tests;

/// <summary>Readers and writers beside merges that write over records: no reader sees damage, or a value older than it may.</summary>
public class ConcurrencyTests
{
    private const int Keys = 400;
    private const int Rounds = 60;

    [Theory]
    [InlineData(KeyKind.Variable, 4096)]
    [InlineData(KeyKind.Fixed, 512)]
    public void Readers_BesideWritersAndMerges_SeeWholeAndNewEnoughValues(KeyKind kind, int pageBytes)
    {
        using var temporary = new TemporaryStore(kind, pageBytes);
        using var store = temporary.Open(TemporaryStore.Options with { MemoryTableBytes = 16 << 10, PageCacheBytes = 16 << 10, ObjectCacheBytes = 256 << 10 });
        var written = new int[Keys];
        using var done = new CancellationTokenSource();
        var failures = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        for (var key = 0; key < Keys; key++)
            store.Put(Key(key), Value(key, 0));
        var writers = Enumerable.Range(0, 2).Select(part => Start(() =>
        {
            for (var round = 1; round <= Rounds; round++)
            {
                for (var key = part; key < Keys; key += 2)
                {
                    store.Put(Key(key), Value(key, round));
                    Volatile.Write(ref written[key], round);
                }
            }
        }, failures)).ToList();
        var readers = new[]
        {
            Start(() =>
            {
                var random = new Random(1);
                while (!done.IsCancellationRequested)
                {
                    var key = random.Next(Keys);
                    AssertNewEnough(key, Volatile.Read(ref written[key]), store.Get(Key(key)));
                }
            }, failures),
            Start(() =>
            {
                while (!done.IsCancellationRequested)
                {
                    var before = written.ToArray();
                    var key = 0;
                    foreach (var pair in store.Range([]))
                    {
                        Assert.Equal(Key(key), pair.Key);
                        AssertNewEnough(key, before[key], pair.Value);
                        key++;
                    }
                    Assert.Equal(Keys, key);
                    Assert.Equal(Keys, store.Aggregate([]).Count);
                }
            }, failures),
        };
        writers.ForEach(writer => writer.Join());
        done.Cancel();
        foreach (var reader in readers)
            reader.Join();
        Assert.Empty(failures);
        Assert.True(store.Statistics().Merges > 5);
        store.Checkpoint();
        for (var key = 0; key < Keys; key++)
            AssertNewEnough(key, Rounds, store.Get(Key(key)));
    }

    private static Thread Start(Action action, System.Collections.Concurrent.ConcurrentQueue<Exception> failures)
    {
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception failure)
            {
                // The boundary of the thread: the test reports it.
                failures.Enqueue(failure);
            }
        });
        thread.Start();
        return thread;
    }

    private static void AssertNewEnough(int key, int round, byte[]? value)
    {
        Assert.NotNull(value);
        Assert.Equal(Value(key, BitConverter.ToInt32(value, 4)), value);
        Assert.InRange(BitConverter.ToInt32(value, 4), round, Rounds);
    }

    private static byte[] Key(int key)
    {
        var bytes = new byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(bytes, key);
        return bytes;
    }

    private static byte[] Value(int key, int round)
    {
        var value = new byte[64];
        BitConverter.TryWriteBytes(value, key);
        BitConverter.TryWriteBytes(value.AsSpan(4), round);
        new Random(key * 1000 + round).NextBytes(value.AsSpan(8));
        return value;
    }
}
