using System.Buffers.Binary;
using System.Diagnostics;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Tests;

/// <summary>Files that are not as they should be: a typed error in bounded time, never a wrong value.</summary>
public class DamagedStoreTests
{
    private const int Records = 2000;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    private static readonly KeyValueOptions Cold = TemporaryStore.Options with { PageCacheBytes = 0, ObjectCacheBytes = 0 };

    [Fact]
    public void Index_SelfCycle_IsALevelFault() => WithRoot((bytes, header, root) =>
    {
        // The checksum is the cycle's own: only the level gives it away.
        WritePointer(bytes, root, 0, ExtentPointer.Of(root.OffsetBytes, root.LengthBytes));
        Reseal(bytes, root);
    }, StoreFormatFault.PageLevel);

    [Fact]
    public void Index_LongCycle_IsALevelFault() => WithRoot((bytes, header, root) =>
    {
        var child = ReadPointer(bytes, root, 0);
        WritePointer(bytes, child, 0, root);
        Reseal(bytes, child);
    }, StoreFormatFault.PageLevel);

    [Fact]
    public void Index_PointerBeyondTheEnd_IsAPointerFault() => WithRoot((bytes, header, root) =>
    {
        WritePointer(bytes, root, 0, ExtentPointer.Of(header.FileEndBytes, 512));
        Reseal(bytes, root);
    }, StoreFormatFault.Pointer);

    [Fact]
    public void Index_UnalignedPointer_IsAPointerFault() => WithRoot((bytes, header, root) =>
    {
        WritePointer(bytes, root, 0, ExtentPointer.Of(8192 + 8, 512));
        Reseal(bytes, root);
    }, StoreFormatFault.Pointer);

    [Fact]
    public void Index_PointerOfTwoToThe63_IsAPointerFault() => WithRoot((bytes, header, root) =>
    {
        WritePointer(bytes, root, 0, new ExtentPointer(1UL << 63));
        Reseal(bytes, root);
    }, StoreFormatFault.Pointer);

    [Fact]
    public void Index_GarbageLeaf_IsAChecksumFault() => WithRoot((bytes, header, root) =>
    {
        var leaf = ReadPointer(bytes, ReadPointer(bytes, root, 0), 0);
        new Random(1).NextBytes(bytes.AsSpan((int)leaf.OffsetBytes, 512));
    }, StoreFormatFault.PageChecksum);

    [Fact]
    public void Index_UnsortedKeys_AreAnOrderFault() => WithRoot((bytes, header, root) =>
    {
        var heads = bytes.AsSpan((int)root.OffsetBytes + 16);
        var first = BinaryPrimitives.ReadUInt64LittleEndian(heads);
        BinaryPrimitives.WriteUInt64LittleEndian(heads, BinaryPrimitives.ReadUInt64LittleEndian(heads[8..]));
        BinaryPrimitives.WriteUInt64LittleEndian(heads[8..], first);
        Reseal(bytes, root);
    }, StoreFormatFault.PageOrder);

    [Theory]
    [InlineData(32)]
    [InlineData(65535)]
    [InlineData(0)]
    public void Index_CountOverFanOut_IsACountFault(int count) => WithRoot((bytes, header, root) =>
    {
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan((int)root.OffsetBytes + 10), (ushort)count);
        Reseal(bytes, root);
    }, StoreFormatFault.PageCount);

    [Fact]
    public void Index_BadChecksum_IsAChecksumFault() => WithRoot((bytes, header, root) => bytes[root.OffsetBytes + 300] ^= 1, StoreFormatFault.PageChecksum);

    [Fact]
    public void Record_BadChecksum_IsARecordFault() => WithRoot((bytes, header, root) =>
    {
        var leaf = ReadPointer(bytes, ReadPointer(bytes, root, 0), 0);
        bytes[ReadPointer(bytes, leaf, 0).OffsetBytes + 20] ^= 1;
    }, StoreFormatFault.Record);

    [Fact]
    public void Record_OfAnotherKey_IsARecordFault() => WithRoot((bytes, header, root) =>
    {
        var leaf = ReadPointer(bytes, ReadPointer(bytes, root, 0), 0);
        WritePointer(bytes, leaf, 0, ReadPointer(bytes, leaf, 1));
        Reseal(bytes, leaf);
    }, StoreFormatFault.Record);

    [Fact]
    public void Header_OfAnotherVersion_IsRefused() => WithRoot((bytes, header, root) =>
    {
        foreach (var slot in new[] { 0, 4096 })
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(slot + 16), 2);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(slot), WordMix.Of((ulong)slot, bytes.AsSpan(slot + 8, 504)));
        }
    }, StoreFormatFault.Version);

    [Fact]
    public void Header_BothSlotsTorn_IsNoStore() => WithRoot((bytes, header, root) =>
    {
        bytes[100] ^= 1;
        bytes[4096 + 100] ^= 1;
    }, StoreFormatFault.NotAStore);

    [Fact]
    public void Header_NewerSlotTornAfterItsLogWent_IsMissingLog() => WithRoot((bytes, header, root) => bytes[header.SlotOffsetBytes + 9] ^= 1, StoreFormatFault.LogMissing, checkpoints: 1);

    [Fact]
    public void File_Truncated_IsRefused() => WithFile(path =>
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.SetLength(file, RandomAccess.GetLength(file) - 8192);
    }, StoreFormatFault.Header);

    [Fact]
    public void File_Empty_IsNoStore() => WithFile(path => File.WriteAllBytes(path, []), StoreFormatFault.NotAStore);

    [Fact]
    public void Log_Missing_IsRefused() => WithFile(path =>
    {
        foreach (var segment in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, "*.wal.*"))
            File.Delete(segment);
    }, StoreFormatFault.LogMissing);

    [Fact]
    public void Log_OfAnotherStore_IsRefused() => WithFile(path =>
    {
        using var other = new TemporaryStore();
        foreach (var segment in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, "*.wal.*"))
            File.Copy(other.Path + ".wal.00000001", segment, overwrite: true);
    }, StoreFormatFault.Log);

    [Fact]
    public void File_TruncatedWhileOpen_GivesTypedErrors()
    {
        using var temporary = Filled(KeyKind.Fixed);
        using var store = temporary.Open(Cold);
        using (var file = File.OpenHandle(temporary.Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            RandomAccess.SetLength(file, 16384);
        var failures = 0;
        for (var i = 0UL; i < Records; i += 50)
        {
            try
            {
                Assert.Equal(Value(i), store.Get(Key(i)));
            }
            catch (KeyValueException)
            {
                failures++;
            }
        }
        Assert.True(failures > 0);
    }

    /// <summary>Random damage anywhere in the file: each answer is right or an error that is this library's.</summary>
    [Theory]
    [InlineData(KeyKind.Fixed, 1)]
    [InlineData(KeyKind.Variable, 2)]
    public void File_RandomBytesChanged_GivesNoWrongValue(KeyKind kind, int seed)
    {
        const int Mutations = 5000;
        var random = new Random(seed);
        using var temporary = Filled(kind);
        var sound = File.ReadAllBytes(temporary.Path);
        var header = HeaderOf(temporary.Path, sound);
        var started = Stopwatch.GetTimestamp();
        using var handle = File.OpenHandle(temporary.Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        KeyValueStore? store = null;
        try
        {
            for (var mutation = 0; mutation < Mutations; mutation++)
            {
                // Most damage goes under an open store; now and then it is opened over it, and checked.
                var reopens = mutation % 100 == 0;
                var offset = reopens ? random.Next(8192) : random.Next(8192, (int)header.FileEndBytes - 64);
                var damage = new byte[random.Next(1, 64)];
                random.NextBytes(damage);
                RandomAccess.Write(handle, damage, offset);
                if (reopens)
                {
                    store?.Dispose();
                    store = null;
                    Attempt(() => KeyValueStore.Check(temporary.Path, Cold));
                    RestoreAndReopen();
                }
                store ??= temporary.Open(Cold);
                for (var probe = 0; probe < 3; probe++)
                {
                    var number = (ulong)random.Next(Records + 100);
                    Attempt(() =>
                    {
                        var value = store.Get(KeyOf(kind, number));
                        Assert.True(number < Records ? value.AsSpan().SequenceEqual(Value(number)) : value is null, $"mutation {mutation}: key {number} has a wrong value");
                    });
                }
                if (mutation % 10 == 0)
                    Attempt(() => AssertRightPairs(store, kind, (ulong)random.Next(Records)));
                RandomAccess.Write(handle, sound.AsSpan(offset, Math.Min(damage.Length, sound.Length - offset)), offset);
            }
        }
        finally
        {
            store?.Dispose();
        }
        Assert.True(Stopwatch.GetElapsedTime(started) < 3 * Bound);

        void RestoreAndReopen() => RandomAccess.Write(handle, sound, 0);
    }

    private static void AssertRightPairs(KeyValueStore store, KeyKind kind, ulong from)
    {
        var expected = from;
        foreach (var pair in store.Range(KeyOf(kind, from), null, 40))
        {
            Assert.Equal(KeyOf(kind, expected), pair.Key);
            Assert.Equal(Value(expected), pair.Value);
            expected++;
        }
    }

    private static void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (KeyValueException)
        {
            // The typed error is one of the two right answers.
        }
    }

    private static void WithRoot(Action<byte[], StoreHeader, ExtentPointer> damage, StoreFormatFault expected, int checkpoints = 0) =>
        WithFile(path =>
        {
            var bytes = File.ReadAllBytes(path);
            var header = HeaderOf(path, bytes);
            damage(bytes, header, header.Root);
            File.WriteAllBytes(path, bytes);
        }, expected, checkpoints);

    /// <summary>Damages a filled store and expects one fault from a look-up of its first key, and from the check.</summary>
    private static void WithFile(Action<string> damage, StoreFormatFault expected, int checkpoints = 0)
    {
        using var temporary = Filled(KeyKind.Fixed, checkpoints);
        damage(temporary.Path);
        var started = Stopwatch.GetTimestamp();
        var looked = Assert.Throws<StoreFormatException>(() =>
        {
            using var store = temporary.Open(Cold);
            store.Get(Key(0));
        });
        Assert.Equal(expected, looked.Fault);
        Assert.Equal(expected, Assert.Throws<StoreFormatException>(() => temporary.Check()).Fault);
        Assert.DoesNotContain('\n', looked.Message);
        Assert.True(Stopwatch.GetElapsedTime(started) < Bound);
    }

    private static TemporaryStore Filled(KeyKind kind, int checkpoints = 0)
    {
        var temporary = new TemporaryStore(kind, kind == KeyKind.Fixed ? 512 : 4096);
        KeyValueStore.Load(temporary.Path, Enumerable.Range(0, Records).Select(i => new KeyValuePair<byte[], byte[]>(KeyOf(kind, (ulong)i), Value((ulong)i))));
        for (var i = 0; i < checkpoints; i++)
        {
            using var store = temporary.Open();
            store.Put(Key(0), Value(0));
            store.Checkpoint();
        }
        return temporary;
    }

    private static StoreHeader HeaderOf(string path, byte[] bytes)
    {
        var even = StoreHeader.Read(path, bytes, 0);
        var odd = StoreHeader.Read(path, bytes.AsSpan(4096), 4096);
        return even is null || odd?.Checkpoint > even.Checkpoint ? odd! : even;
    }

    private static ExtentPointer ReadPointer(byte[] bytes, ExtentPointer page, int index) =>
        new(BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan((int)page.OffsetBytes + 16 + 8 * 31 + 8 * index)));

    private static void WritePointer(byte[] bytes, ExtentPointer page, int index, ExtentPointer value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan((int)page.OffsetBytes + 16 + 8 * 31 + 8 * index), value.Bits);

    private static void Reseal(byte[] bytes, ExtentPointer page)
    {
        var span = bytes.AsSpan((int)page.OffsetBytes, page.LengthBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(span, WordMix.Of((ulong)page.OffsetBytes, span[8..]));
    }

    private static byte[] KeyOf(KeyKind kind, ulong number) => kind == KeyKind.Fixed ? Key(number) : System.Text.Encoding.ASCII.GetBytes($"key/{number:D8}");

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
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(56), number);
        return value;
    }
}
