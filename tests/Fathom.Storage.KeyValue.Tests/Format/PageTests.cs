using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Tests.Format;

/// <summary>Pages and records by the format's own words, and against plain lists.</summary>
public class PageTests
{
    [Fact]
    public void Mix_PublishedSteps_GiveTheDocumentedNumber()
    {
        // The steps of docs/formats/bpf-kv.md, word by word.
        static ulong Mix(ulong seed, ulong[] words)
        {
            const ulong P = 0x9E3779B185EBCA87;
            static ulong Round(ulong h, ulong w) => System.Numerics.BitOperations.RotateLeft(unchecked((h ^ w) * P), 29);
            var h = new ulong[4];
            for (var i = 0; i < 4; i++)
                h[i] = unchecked(seed + (ulong)(i + 1) * P);
            for (var j = 0; j < words.Length; j++)
                h[j & 3] = Round(h[j & 3], words[j]);
            var x = Round(Round(Round(Round((ulong)words.Length, h[0]), h[1]), h[2]), h[3]);
            x ^= x >> 32;
            x = unchecked(x * P);
            return x ^ (x >> 29);
        }

        var random = new Random(1);
        for (var bytes = 0; bytes < 200; bytes++)
        {
            var data = new byte[bytes];
            random.NextBytes(data);
            var padded = new byte[(bytes + 7) & ~7];
            data.CopyTo(padded, 0);
            var words = Enumerable.Range(0, padded.Length / 8).Select(i => BinaryPrimitives.ReadUInt64LittleEndian(padded.AsSpan(8 * i))).ToArray();
            Assert.Equal(Mix(77, words), WordMix.Of(77, data));
            var keyWords = words.Select(BinaryPrimitives.ReverseEndianness).ToArray();
            Assert.Equal(Mix((ulong)bytes, keyWords), KeyMix.Of(data));
        }
    }

    [Fact]
    public void FixedPage_ThirtyOneEntries_StandWhereTheFormatSays()
    {
        var run = new EntryRun();
        for (var i = 0; i < 31; i++)
            run.Add(Number(1000UL + (ulong)i), ExtentPointer.Of(8192 + 72 * i, 72));
        var page = new byte[512];
        new PagePacking(KeyKind.Fixed, 512).Write(run, 0, 31, 0, 40960, page);
        Assert.Equal([0, 8, 31, 0, 31, 0, 0, 0], page[8..16]);
        Assert.Equal(1030UL, BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(16 + 8 * 30)));
        var pointer = BinaryPrimitives.ReadUInt64LittleEndian(page.AsSpan(16 + 8 * 31));
        Assert.Equal((8192UL / 8 << 23) | 72 / 8, pointer);
        Assert.Equal(WordMix.Of(40960, page.AsSpan(8)), BinaryPrimitives.ReadUInt64LittleEndian(page));
    }

    [Fact]
    public void Record_EightBytesOfKeySixtyFourOfValue_TakesSeventyTwoBytesAndChecksItsKey()
    {
        var record = new byte[72];
        var value = Enumerable.Range(0, 64).Select(i => (byte)i).ToArray();
        Assert.Equal(72, ValueRecord.Write(record, Number(5), value));
        Assert.Equal(64, BinaryPrimitives.ReadInt32LittleEndian(record.AsSpan(4)));
        var mix = WordMix.Of(KeyMix.Of(Number(5)) + 64, value);
        Assert.Equal((uint)(mix ^ (mix >> 32)), BinaryPrimitives.ReadUInt32LittleEndian(record));
        Assert.True(ValueRecord.TryRead(record, Number(5), out var read));
        Assert.Equal(value, read.ToArray());
        Assert.False(ValueRecord.TryRead(record, Number(6), out _));
        for (var bit = 0; bit < record.Length * 8; bit++)
        {
            record[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(ValueRecord.TryRead(record, Number(5), out _), $"bit {bit}");
            record[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Theory]
    [InlineData(KeyKind.Fixed, 512)]
    [InlineData(KeyKind.Variable, 4096)]
    [InlineData(KeyKind.Variable, 65536)]
    public void Page_RandomKeys_FindsWhatAListFinds(KeyKind kind, int pageBytes)
    {
        var random = new Random(3);
        var packing = new PagePacking(kind, pageBytes);
        for (var round = 0; round < 60; round++)
        {
            var keys = RandomKeys(random, kind, random.Next(1, 400));
            var run = new EntryRun();
            foreach (var key in keys)
                run.Add(key, ExtentPointer.Of(8192 + 8L * random.Next(1 << 20), 8 * random.Next(1, 100)));
            var count = packing.Fitting(run, 0, pageBytes);
            Assert.InRange(count, 1, keys.Count);
            var page = new byte[pageBytes];
            packing.Write(run, 0, count, 0, pageBytes * 5L, page);
            var view = new PageView(page);
            Assert.Null(view.Fault(ExtentPointer.Of(pageBytes * 5L, pageBytes), 0, kind, 1L << 40));
            Assert.Equal(count, view.Count);
            var copy = new byte[512];
            for (var i = 0; i < count; i++)
            {
                Assert.Equal(keys[i], copy[..view.CopyKey(i, copy)]);
                Assert.Equal(run.Pointer(i), view.Pointer(i));
                Assert.Equal(i, view.LowerBound(keys[i], out var found));
                Assert.True(found);
            }
            foreach (var key in RandomKeys(random, kind, 50))
            {
                var expected = keys.Take(count).Count(other => other.AsSpan().SequenceCompareTo(key) < 0);
                Assert.Equal(expected, view.LowerBound(key, out var found));
                Assert.Equal(keys.Take(count).Any(other => other.AsSpan().SequenceEqual(key)), found);
            }
        }
    }

    [Fact]
    public void Page_AnyBitChanged_DoesNotPass()
    {
        var run = new EntryRun();
        foreach (var key in RandomKeys(new Random(5), KeyKind.Variable, 100))
            run.Add(key, ExtentPointer.Of(8192, 64));
        var page = new byte[4096];
        var packing = new PagePacking(KeyKind.Variable, 4096);
        packing.Write(run, 0, packing.Fitting(run, 0, 4096), 0, 8192, page);
        var pointer = ExtentPointer.Of(8192, 4096);
        for (var bit = 0; bit < page.Length * 8; bit++)
        {
            page[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(StoreFormatFault.PageChecksum, new PageView(page).Fault(pointer, 0, KeyKind.Variable, 1 << 20));
            page[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        Assert.Equal(StoreFormatFault.PageChecksum, new PageView(page).Fault(ExtentPointer.Of(12288, 4096), 0, KeyKind.Variable, 1 << 20));
    }

    private static List<byte[]> RandomKeys(Random random, KeyKind kind, int count)
    {
        var keys = new SortedSet<byte[]>(KeyOrderComparer.Instance);
        var shared = new byte[random.Next(20)];
        while (keys.Count < count)
        {
            if (kind == KeyKind.Fixed)
            {
                keys.Add(Number((ulong)random.NextInt64() >> random.Next(60)));
                continue;
            }
            var suffix = new byte[random.Next(1, random.Next(8) == 0 ? 300 : 20)];
            for (var i = 0; i < suffix.Length; i++)
                suffix[i] = (byte)random.Next(random.Next(3) == 0 ? 256 : 2);
            keys.Add([.. shared, .. suffix]);
        }
        return [.. keys];
    }

    private static byte[] Number(ulong number)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(key, number);
        return key;
    }
}
