using System.Buffers.Binary;
using Fathom.Bpf.Verification;

namespace Fathom.Bpf.Tests.Elf;

/// <summary>The BPF-KV functions of functions/, on stores written from the format's page, whole and damaged.</summary>
public class KvFunctionTests
{
    private static readonly VerifiedProgram Get = KvStore.Load("kv_get_u64");
    private static readonly VerifiedProgram Range = KvStore.Load("kv_range_u64");
    private static readonly VerifiedProgram Aggregate = KvStore.Load("kv_aggregate_u64");

    private static KvStore Store() => KvStore.Build(300, i => (ulong)(i * 10) + 5, i => i - 100);

    [Fact]
    public void Get_EveryKey_FindsItsValue()
    {
        var store = Store();
        for (var i = 0; i < 300; i++)
        {
            var (result, reads, scratch) = Look(store, (ulong)(i * 10) + 5);
            Assert.Equal((0, 3, 1, 64), (result, reads, Word(scratch, 0), Word(scratch, 144)));
            Assert.Equal(i - 100, BinaryPrimitives.ReadInt64LittleEndian(scratch.AsSpan(160)));
            Assert.All(scratch[168..224], b => Assert.Equal((byte)i, b));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    [InlineData(1514)]
    [InlineData(99999)]
    public void Get_MissingKey_SaysSo(int key)
    {
        var (result, reads, scratch) = Look(Store(), (ulong)key);
        Assert.Equal((0, 2, 2), (result, reads, Word(scratch, 0)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(13)]
    [InlineData(863)]
    [InlineData(864)]
    public void Get_ValueOfAnyLength_CopiesIt(int length)
    {
        var store = new KvStore();
        var value = Enumerable.Range(0, length).Select(i => (byte)(i * 7)).ToArray();
        store.Root = store.AddPage(0, [(42, store.AddRecord(42, value))]);
        var (result, _, scratch) = Look(store, 42);
        Assert.Equal((0, 1, length), (result, Word(scratch, 0), Word(scratch, 144)));
        Assert.Equal(value, scratch[160..(160 + length)]);
    }

    [Fact]
    public void Get_ValueTooLongForScratch_GivesItsLocation()
    {
        var store = new KvStore();
        var record = store.AddRecord(42, new byte[865]);
        store.Root = store.AddPage(0, [(42, record)]);
        var (result, reads, scratch) = Look(store, 42);
        Assert.Equal((0, 1, 3), (result, reads, Word(scratch, 0)));
        Assert.Equal(record, BinaryPrimitives.ReadUInt64LittleEndian(scratch.AsSpan(136)));
    }

    [Fact]
    public void Get_AskedTo_HandsPagesBack()
    {
        var store = Store();
        var scratch = new byte[4096];
        BinaryPrimitives.WriteInt32LittleEndian(scratch.AsSpan(40), 6);
        BinaryPrimitives.WriteUInt64LittleEndian(scratch.AsSpan(128), 1505);
        store.Run(Get, scratch, store.Root, 1);
        Assert.Equal(2, Word(scratch, 4));
        Assert.Equal(store.Root, BinaryPrimitives.ReadUInt64LittleEndian(scratch.AsSpan(48)));
        Assert.True(scratch.AsSpan(1024, 512).SequenceEqual(store.File.AsSpan((int)KvStore.OffsetOf(store.Root), 512)));
    }

    [Theory]
    [InlineData(300, 0x55, false, -1)]
    [InlineData(8, 2, true, -2)]
    [InlineData(9, 0, true, -2)]
    [InlineData(10, 0, true, -3)]
    [InlineData(10, 32, true, -3)]
    [InlineData(12, 7, true, -3)]
    [InlineData(24, 0xFF, true, -4)]
    public void Get_DamagedPage_SaysWhatIsWrong(int at, byte value, bool sealedAnew, int expected)
    {
        var store = Store();
        var root = (int)KvStore.OffsetOf(store.Root);
        store.File[root + at] = value;
        if (at == 24)
            store.File[root + 31] = 0xFF;
        if (sealedAnew)
            store.Seal(root);
        Assert.Equal(expected, Look(store, 1505).Result);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 63)]
    public void Get_WildPointer_RefusesIt(ulong pointer)
    {
        var store = Store();
        Assert.Equal(-5, LookThrough(store, pointer));
        Assert.Equal(-5, LookThrough(store, KvStore.Extent(KvStore.OffsetOf(store.Root) + 8, 512)));
        Assert.Equal(-5, LookThrough(store, KvStore.Extent(store.FileEnd, 512)));
    }

    [Fact]
    public void Get_PageThatNamesItself_EndsAtItsLevel()
    {
        var store = Store();
        Assert.Equal(-2, LookThrough(store, store.Root));
    }

    [Fact]
    public void Get_DamagedRecord_SaysSo()
    {
        var store = Store();
        store.File[8192 + 20] ^= 1;
        Assert.Equal(-6, Look(store, 5).Result);
    }

    [Theory]
    [InlineData(0, 10_000)]
    [InlineData(1000, 1500)]
    [InlineData(2995, 2995)]
    [InlineData(1, 4)]
    [InlineData(3000, 4000)]
    public void Range_LeafByLeaf_GivesEveryPairInOrder(int low, int high)
    {
        var store = Store();
        var keys = new List<ulong>();
        var next = (ulong)low;
        while (true)
        {
            var scratch = new byte[4096];
            BinaryPrimitives.WriteUInt64LittleEndian(scratch.AsSpan(128), next);
            BinaryPrimitives.WriteUInt64LittleEndian(scratch.AsSpan(136), (ulong)high);
            BinaryPrimitives.WriteInt32LittleEndian(scratch.AsSpan(144), 20);
            Assert.Equal(0, store.Run(Range, scratch, store.Root, 1).Result);
            Assert.Equal(1, Word(scratch, 0));
            for (var i = 0; i < Word(scratch, 148); i++)
            {
                var pair = scratch.AsSpan(512 + (80 * i), 80);
                keys.Add(BinaryPrimitives.ReadUInt64LittleEndian(pair));
                Assert.Equal((long)((keys[^1] - 5) / 10) - 100, BinaryPrimitives.ReadInt64LittleEndian(pair[16..]));
            }
            if (Word(scratch, 160) == 0)
                break;
            next = BinaryPrimitives.ReadUInt64LittleEndian(scratch.AsSpan(152));
        }
        Assert.Equal(Enumerable.Range(0, 300).Select(i => (ulong)(i * 10) + 5).Where(key => key >= (ulong)low && key <= (ulong)high), keys);
    }

    [Theory]
    [InlineData(0, 10_000, 1000)]
    [InlineData(0, 10_000, 4)]
    [InlineData(1000, 1500, 1000)]
    [InlineData(1, 4, 1000)]
    public void Aggregate_OverLeaves_CountsSumsAndBounds(int low, int high, int hopsMax)
    {
        var store = Store();
        var scratch = new byte[4096];
        BinaryPrimitives.WriteInt64LittleEndian(scratch.AsSpan(168), long.MaxValue);
        BinaryPrimitives.WriteInt64LittleEndian(scratch.AsSpan(176), long.MinValue);
        var next = (ulong)low;
        var calls = 0;
        do
        {
            BinaryPrimitives.WriteUInt64LittleEndian(scratch.AsSpan(128), next);
            BinaryPrimitives.WriteUInt64LittleEndian(scratch.AsSpan(136), (ulong)high);
            scratch.AsSpan(184, 4096 - 184).Clear();
            BinaryPrimitives.WriteInt32LittleEndian(scratch.AsSpan(196), hopsMax);
            BinaryPrimitives.WriteUInt64LittleEndian(scratch.AsSpan(200), store.Root);
            BinaryPrimitives.WriteInt32LittleEndian(scratch.AsSpan(208), 1);
            Assert.Equal(0, store.Run(Aggregate, scratch, store.Root, 1).Result);
            next = BinaryPrimitives.ReadUInt64LittleEndian(scratch.AsSpan(184));
            calls++;
        }
        while (Word(scratch, 0) == 4 && calls < 100);
        Assert.Equal(1, Word(scratch, 0));
        var values = Enumerable.Range(0, 300).Where(i => (i * 10) + 5 >= low && (i * 10) + 5 <= high).Select(i => i - 100L).ToList();
        Assert.Equal(values.Count, BinaryPrimitives.ReadInt64LittleEndian(scratch.AsSpan(144)));
        Assert.Equal((Int128)values.Sum(), BinaryPrimitives.ReadInt128LittleEndian(scratch.AsSpan(152)));
        Assert.Equal(values.Count == 0 ? long.MaxValue : values.Min(), BinaryPrimitives.ReadInt64LittleEndian(scratch.AsSpan(168)));
        Assert.Equal(values.Count == 0 ? long.MinValue : values.Max(), BinaryPrimitives.ReadInt64LittleEndian(scratch.AsSpan(176)));
        Assert.Equal(hopsMax == 4, calls > 1);
    }

    private static int LookThrough(KvStore store, ulong pointer)
    {
        var root = (int)KvStore.OffsetOf(store.Root);
        BinaryPrimitives.WriteUInt64LittleEndian(store.File.AsSpan(root + 16 + 248), pointer);
        store.Seal(root);
        return Look(store, 5).Result;
    }

    private static (int Result, int Reads, byte[] Scratch) Look(KvStore store, ulong key)
    {
        var scratch = new byte[4096];
        BinaryPrimitives.WriteUInt64LittleEndian(scratch.AsSpan(128), key);
        var (result, reads) = store.Run(Get, scratch, store.Root, (uint)store.RootLevel);
        return (result, reads, scratch);
    }

    private static int Word(byte[] scratch, int at) => BinaryPrimitives.ReadInt32LittleEndian(scratch.AsSpan(at));
}
