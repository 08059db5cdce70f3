using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Tests;

/// <summary>Random operations on a store and on a SortedDictionary, with reopening and crashes between them.</summary>
public class StoreModelTests
{
    private const int Operations = 3000;

    [Theory]
    [InlineData(KeyKind.Variable, 4096, 1)]
    [InlineData(KeyKind.Variable, 4096, 2)]
    [InlineData(KeyKind.Variable, 16384, 3)]
    [InlineData(KeyKind.Fixed, 512, 4)]
    [InlineData(KeyKind.Fixed, 512, 5)]
    public void Store_RandomOperations_HoldsWhatTheModelHolds(KeyKind kind, int pageBytes, int seed)
    {
        var random = new Random(seed);
        var temporary = new TemporaryStore(kind, pageBytes);
        var model = new SortedDictionary<byte[], byte[]>(KeyOrderComparer.Instance);
        var store = temporary.Open();
        try
        {
            for (var i = 0; i < Operations; i++)
            {
                switch (random.Next(100))
                {
                    case < 50:
                        var (key, value) = (RandomKey(random, kind), RandomValue(random, kind));
                        store.Put(key, value);
                        model[key] = value;
                        break;
                    case < 65:
                        var deleted = RandomKey(random, kind);
                        store.Delete(deleted);
                        model.Remove(deleted);
                        break;
                    case < 85:
                        var asked = RandomKey(random, kind);
                        Assert.Equal(model.GetValueOrDefault(asked), store.Get(asked));
                        break;
                    case < 95:
                        AssertRange(store, model, RandomKey(random, kind), random.Next(3) == 0 ? null : RandomKey(random, kind), random.Next(1, 100));
                        break;
                    case < 97:
                        WriteBatch(store, model, random, kind);
                        break;
                    case < 98:
                        store.Checkpoint();
                        break;
                    case < 99:
                        store.Dispose();
                        temporary.Check();
                        store = temporary.Open();
                        break;
                    default:
                        (temporary, store) = Crash(temporary, store);
                        break;
                }
            }
            AssertRange(store, model, [0], null, int.MaxValue);
            store.Checkpoint();
            AssertRange(store, model, [0], null, int.MaxValue);
            Assert.Equal(model.Count, store.Statistics().TreeEntries);
            store.Dispose();
            Assert.Equal(model.Count, temporary.Check().Entries);
        }
        finally
        {
            store.Dispose();
            temporary.Dispose();
        }
    }

    [Fact]
    public void Store_DeletedToTheLastKey_IsEmptyAndFillsAgain()
    {
        using var temporary = new TemporaryStore(KeyKind.Fixed);
        using (var store = temporary.Open())
        {
            for (var i = 0; i < 2000; i++)
                store.Put(Number(i), Number(i));
            store.Checkpoint();
            Assert.True(store.Statistics().Levels >= 3);
            for (var i = 0; i < 2000; i++)
                store.Delete(Number(i));
            store.Checkpoint();
            Assert.Equal(0, store.Statistics().Levels);
            Assert.Empty(store.Range([]));
            store.Put(Number(7), Number(8));
            store.Checkpoint();
            Assert.Equal(Number(8), store.Get(Number(7)));
        }
        Assert.Equal(1, temporary.Check().Entries);
    }

    [Theory]
    [InlineData(KeyKind.Fixed, 512)]
    [InlineData(KeyKind.Variable, 4096)]
    public void Load_AnyOrder_HoldsTheLastValueOfEachKey(KeyKind kind, int pageBytes)
    {
        using var temporary = new TemporaryStore(kind, pageBytes);
        var random = new Random(9);
        var model = new SortedDictionary<byte[], byte[]>(KeyOrderComparer.Instance);
        var pairs = new List<KeyValuePair<byte[], byte[]>>();
        for (var i = 0; i < 20_000; i++)
        {
            var pair = new KeyValuePair<byte[], byte[]>(RandomKey(random, kind), RandomValue(random, kind));
            pairs.Add(pair);
            model[pair.Key] = pair.Value;
        }
        KeyValueStore.Load(temporary.Path, pairs, new Loading.LoadOptions { SortBytes = 256 << 10 });
        Assert.Equal(model.Count, temporary.Check().Entries);
        using var store = temporary.Open();
        AssertRange(store, model, [0], null, int.MaxValue);
        foreach (var key in model.Keys.Where(_ => random.Next(10) == 0))
            Assert.Equal(model[key], store.Get(key));
    }

    [Fact]
    public void Load_IntoAStoreWithEntries_IsRefused()
    {
        using var temporary = new TemporaryStore();
        using (var store = temporary.Open())
            store.Put("a"u8, "b"u8);
        var refused = Assert.Throws<StoreRefusedException>(() => KeyValueStore.Load(temporary.Path, []));
        Assert.Equal(StoreRefusal.NotEmpty, refused.Refusal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(39_936)]
    [InlineData(39_937)]
    [InlineData(200_000)]
    [InlineData(ValueRecord.ValueBytesMax)]
    public void Get_ValueOfAnyLength_ComesBackWhole(int valueBytes)
    {
        using var temporary = new TemporaryStore();
        var value = new byte[valueBytes];
        new Random(valueBytes).NextBytes(value);
        using (var store = temporary.Open())
        {
            store.Put("k"u8, value);
            Assert.Equal(value, store.Get("k"u8));
            store.Checkpoint();
            Assert.Equal(value, store.Get("k"u8));
            Assert.Equal(value, store.Range([]).Single().Value);
        }
        using (var store = temporary.Open(TemporaryStore.Options with { ObjectCacheBytes = 0, PageCacheBytes = 0 }))
            Assert.Equal(value, store.Get("k"u8));
        temporary.Check();
    }

    [Fact]
    public void Limits_OutOfThem_AreRefused()
    {
        using var temporary = new TemporaryStore();
        using var store = temporary.Open();
        Assert.Equal(StoreRefusal.Key, Assert.Throws<StoreRefusedException>(() => store.Put([], [])).Refusal);
        Assert.Equal(StoreRefusal.Key, Assert.Throws<StoreRefusedException>(() => store.Get(new byte[513])).Refusal);
        Assert.Equal(StoreRefusal.Value, Assert.Throws<StoreRefusedException>(() => store.Put("k"u8, new byte[ValueRecord.ValueBytesMax + 1])).Refusal);
        Assert.Equal(StoreRefusal.InUse, Assert.Throws<StoreRefusedException>(() => temporary.Open()).Refusal);
        Assert.Equal(StoreRefusal.Exists, Assert.Throws<StoreRefusedException>(() => KeyValueStore.Create(temporary.Path, StoreShape.Variable)).Refusal);
        Assert.Equal(StoreRefusal.Missing, Assert.Throws<StoreRefusedException>(() => KeyValueStore.Open(temporary.Path + "no")).Refusal);
    }

    private static void WriteBatch(KeyValueStore store, SortedDictionary<byte[], byte[]> model, Random random, KeyKind kind)
    {
        var batch = new WriteBatch();
        for (var i = random.Next(20); i >= 0; i--)
        {
            var key = RandomKey(random, kind);
            if (random.Next(3) == 0)
            {
                batch.Delete(key);
                model.Remove(key);
                continue;
            }
            var value = RandomValue(random, kind);
            batch.Put(key, value);
            model[key] = value;
        }
        store.Write(batch);
    }

    /// <summary>Goes on with a copy of the files as they are while the store runs, as after kill -9.</summary>
    private static (TemporaryStore, KeyValueStore) Crash(TemporaryStore temporary, KeyValueStore store)
    {
        // A copy file by file is a crash at one moment only while no merge changes files.
        store.Checkpoint();
        var snapshot = temporary.Snapshot();
        store.Dispose();
        temporary.Dispose();
        snapshot.Check();
        return (snapshot, snapshot.Open());
    }

    private static void AssertRange(KeyValueStore store, SortedDictionary<byte[], byte[]> model, byte[] low, byte[]? high, int pairsMax)
    {
        if (store.Kind == KeyKind.Fixed && low.Length != 8)
            low = [];
        var expected = model.Where(pair => pair.Key.AsSpan().SequenceCompareTo(low) >= 0 && (high is null || pair.Key.AsSpan().SequenceCompareTo(high) <= 0)).Take(pairsMax).ToList();
        var actual = store.Range(low, high, pairsMax).ToList();
        Assert.Equal(expected.Select(pair => Convert.ToHexString(pair.Key)), actual.Select(pair => Convert.ToHexString(pair.Key)));
        Assert.Equal(expected.Select(pair => pair.Value), actual.Select(pair => pair.Value));
    }

    private static byte[] Number(long number)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(key, number);
        return key;
    }

    private static byte[] RandomKey(Random random, KeyKind kind)
    {
        if (kind == KeyKind.Fixed)
            return Number(random.Next(600) * (random.Next(2) == 0 ? 1L : 0x0101010101010101));
        // Few distinct keys, with long shared starts, zero bytes and lengths around the head's 8.
        var key = new byte[random.Next(20) == 0 ? random.Next(1, 513) : random.Next(1, 24)];
        for (var i = 0; i < key.Length; i++)
            key[i] = i < 5 ? (byte)0x61 : (byte)random.Next(3);
        return key;
    }

    private static byte[] RandomValue(Random random, KeyKind kind)
    {
        var value = new byte[kind == KeyKind.Fixed && random.Next(50) != 0 ? 64 : random.Next(random.Next(20) == 0 ? 20_000 : 300)];
        random.NextBytes(value);
        return value;
    }
}
