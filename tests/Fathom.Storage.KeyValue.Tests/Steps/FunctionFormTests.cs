using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Tests.Steps;

/// <summary>The functions in C# and the programs built from BPF C give the same results, on every engine; and those are the model's.</summary>
public class FunctionFormTests
{
    public static TheoryData<FunctionForm, EngineKind> Forms()
    {
        var data = new TheoryData<FunctionForm, EngineKind>();
        foreach (var form in Enum.GetValues<FunctionForm>())
        {
            data.Add(form, EngineKind.Threads);
            data.Add(form, EngineKind.Auto);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Get_EveryForm_FindsWhatIsThere(FunctionForm form, EngineKind engine)
    {
        using var temporary = Filled(5000);
        using var store = temporary.Open(Cold(form, engine));
        for (var i = 0UL; i < 10_000; i += 37)
            Assert.Equal(i % 2 == 0 ? Value(i) : null, store.Get(Key(i)));
        Assert.Null(store.Get(Key(ulong.MaxValue)));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Get_EveryFormWithKeysOfAnyLength_IsTheModels(FunctionForm form, EngineKind engine)
    {
        var random = new Random(3);
        var model = new Dictionary<string, byte[]>();
        var asked = new List<byte[]>();
        for (var i = 0; i < 3000; i++)
        {
            // Long common beginnings, equal heads, keys that begin with others: all that the order within a page has to tell apart.
            var key = new byte[random.Next(4) == 0 ? random.Next(1, 513) : random.Next(1, 40)];
            for (var at = 0; at < key.Length; at++)
                key[at] = (byte)(at < key.Length - 4 ? at / 16 : random.Next(3));
            asked.Add(key);
            if (i % 3 != 0)
                model[Convert.ToHexString(key)] = Enumerable.Repeat((byte)i, i % 100 == 1 ? 39_936 + random.Next(3) - 1 : random.Next(80)).ToArray();
        }
        using var temporary = new TemporaryStore();
        KeyValueStore.Load(temporary.Path, model.Select(pair => new KeyValuePair<byte[], byte[]>(Convert.FromHexString(pair.Key), pair.Value)));
        using var store = temporary.Open(Cold(form, engine));
        Assert.True(store.Statistics().Levels >= 2);
        foreach (var key in form == FunctionForm.InterpretedBpf ? asked.Take(300) : asked)
            Assert.Equal(model.GetValueOrDefault(Convert.ToHexString(key)), store.Get(key));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Range_EveryForm_IsTheModels(FunctionForm form, EngineKind engine)
    {
        using var temporary = Filled(3000);
        using var store = temporary.Open(Cold(form, engine));
        var random = new Random(1);
        for (var round = 0; round < 40; round++)
        {
            var low = (ulong)random.Next(6100);
            var high = low + (ulong)random.Next(600);
            var expected = Enumerable.Range(0, 3000).Select(i => 2 * (ulong)i).Where(key => key >= low && key <= high).ToList();
            var actual = store.Range(Key(low), Key(high)).ToList();
            Assert.Equal(expected.Select(Key), actual.Select(pair => pair.Key));
            Assert.Equal(expected.Select(Value), actual.Select(pair => pair.Value));
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Aggregate_EveryForm_IsTheModels(FunctionForm form, EngineKind engine)
    {
        using var temporary = Filled(3000);
        using var store = temporary.Open(Cold(form, engine));
        // Newer entries over the tree, and a deletion, must be taken in their place.
        store.Put(Key(100), Value(777));
        store.Put(Key(101), Value(778));
        store.Delete(Key(200));
        var model = Enumerable.Range(0, 3000).ToDictionary(i => 2 * (ulong)i, i => BinaryPrimitives.ReadInt64LittleEndian(Value(2 * (ulong)i)));
        (model[100], model[101]) = (BinaryPrimitives.ReadInt64LittleEndian(Value(777)), BinaryPrimitives.ReadInt64LittleEndian(Value(778)));
        model.Remove(200);
        var random = new Random(2);
        for (var round = 0; round < 20; round++)
        {
            var low = round == 0 ? 0 : (ulong)random.Next(6100);
            var high = round == 0 ? ulong.MaxValue : low + (ulong)random.Next(3000);
            var expected = RangeAggregate.Empty;
            foreach (var value in model.Where(pair => pair.Key >= low && pair.Key <= high).Select(pair => pair.Value))
                expected = expected.With(value);
            Assert.Equal(expected, store.Aggregate(Key(low), Key(high)));
        }
    }

    [Fact]
    public void Aggregate_MoreThanSixtyFourBits_IsExact()
    {
        using var temporary = new TemporaryStore(KeyKind.Fixed);
        var value = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(value, long.MinValue);
        KeyValueStore.Load(temporary.Path, Enumerable.Range(0, 100).Select(i => new KeyValuePair<byte[], byte[]>(Key((ulong)i), value)));
        foreach (var form in Enum.GetValues<FunctionForm>())
        {
            using var store = temporary.Open(Cold(form, EngineKind.Threads));
            Assert.Equal(new RangeAggregate(100, (Int128)long.MinValue * 100, long.MinValue, long.MinValue), store.Aggregate([]));
        }
    }

    [Theory]
    [InlineData(KeyKind.Fixed)]
    [InlineData(KeyKind.Variable)]
    public void Aggregate_ValueTooShort_IsRefused(KeyKind kind)
    {
        using var temporary = new TemporaryStore(kind, kind == KeyKind.Fixed ? 512 : 4096);
        using var store = temporary.Open();
        store.Put(Key(1), [1, 2, 3]);
        Assert.Equal(StoreRefusal.Aggregate, Assert.Throws<StoreRefusedException>(() => store.Aggregate([])).Refusal);
        store.Checkpoint();
        Assert.Equal(StoreRefusal.Aggregate, Assert.Throws<StoreRefusedException>(() => store.Aggregate([])).Refusal);
    }

    [Theory]
    [InlineData(FunctionForm.CSharp)]
    [InlineData(FunctionForm.Bpf)]
    public void Get_AnyDepth_IsOneChain(FunctionForm form)
    {
        using var temporary = Filled(40_000);
        using var store = temporary.Open(Cold(form, EngineKind.Threads));
        Assert.True(store.Statistics().Levels >= 4);
        var before = store.Statistics().EngineCounters;
        Assert.Equal(Value(2 * 777), store.Get(Key(2 * 777)));
        var after = store.Statistics().EngineCounters;
        Assert.Equal(1, after.Chains - before.Chains);
        Assert.Equal(store.Statistics().Levels + 1, after.Reads - before.Reads);
    }

    private static KeyValueOptions Cold(FunctionForm form, EngineKind engine) => TemporaryStore.Options with
    {
        PageCacheBytes = 0,
        ObjectCacheBytes = 0,
        Functions = form,
        Engine = new StorageEngineOptions { Kind = engine },
    };

    private static TemporaryStore Filled(int records)
    {
        var temporary = new TemporaryStore(KeyKind.Fixed);
        KeyValueStore.Load(temporary.Path, Enumerable.Range(0, records).Select(i => new KeyValuePair<byte[], byte[]>(Key(2 * (ulong)i), Value(2 * (ulong)i))));
        return temporary;
    }

    private static byte[] Key(ulong number)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(key, number);
        return key;
    }

    private static byte[] Value(ulong number)
    {
        var value = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(value, number * 0x9E3779B97F4A7C15);
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(8), number);
        return value;
    }
}
