using System.Buffers.Binary;
using Fathom.Storage;
using Fathom.Storage.KeyValue;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.KernelGuest;

/// <summary>Damaged indexes of BPF-KV, walked in the kernel: the damage is named, as by the engines in user space.</summary>
internal static class StoreCases
{
    private const int Pairs = 2000;

    private static readonly (string Name, StoreFormatFault Fault, Action<byte[], StoreHeader> Damage)[] Damages =
    [
        ("SelfCycle", StoreFormatFault.PageLevel, (bytes, header) => Lead(bytes, header.Root, header.Root)),
        ("LongCycle", StoreFormatFault.PageLevel, (bytes, header) => Lead(bytes, Child(bytes, header.Root), header.Root)),
        ("PointerBeyondTheEnd", StoreFormatFault.Pointer, (bytes, header) => Lead(bytes, header.Root, ExtentPointer.Of(header.FileEndBytes, 512))),
        ("UnalignedPointer", StoreFormatFault.Pointer, (bytes, header) => Lead(bytes, header.Root, ExtentPointer.Of(8192 + 8, 512))),
        ("PointerTo2To63", StoreFormatFault.Pointer, (bytes, header) => Lead(bytes, header.Root, new ExtentPointer(1UL << 63))),
        ("GarbageLeaf", StoreFormatFault.PageChecksum, (bytes, header) => new Random(1).NextBytes(PageOf(bytes, Leaf(bytes, header)))),
        ("UnsortedKeys", StoreFormatFault.PageOrder, (bytes, header) => ExchangeKeys(bytes, header.Root)),
        ("CountOverFanOut", StoreFormatFault.PageCount, (bytes, header) => SetCount(bytes, header.Root, 32)),
        ("CountOfAllOnes", StoreFormatFault.PageCount, (bytes, header) => SetCount(bytes, header.Root, ushort.MaxValue)),
        ("CountOfNone", StoreFormatFault.PageCount, (bytes, header) => SetCount(bytes, header.Root, 0)),
        ("BadChecksum", StoreFormatFault.PageChecksum, (bytes, header) => PageOf(bytes, header.Root)[300] ^= 1),
        ("BadChecksumOfARecord", StoreFormatFault.Record, (bytes, header) => bytes[Child(bytes, Leaf(bytes, header)).OffsetBytes + 20] ^= 1),
        ("RecordOfAnotherKey", StoreFormatFault.Record, (bytes, header) => Lead(bytes, Leaf(bytes, header), Child(bytes, Leaf(bytes, header), 1))),
    ];

    public static (string Name, Action Body)[] All { get; } =
    [
        .. Damages.Select(damage => ($"Index_{damage.Name}_IsNamed", (Action)(() => IsNamed(damage.Fault, damage.Damage)))),
        ("Index_OfAnotherVersion_IsRefused", OfAnotherVersion),
    ];

    /// <summary>Damages a store under two engines that have it open; each look-up fails alike, and succeeds once the damage is mended.</summary>
    private static void IsNamed(StoreFormatFault fault, Action<byte[], StoreHeader> damage)
    {
        var (path, sound) = Store();
        var damaged = (byte[])sound.Clone();
        damage(damaged, HeaderOf(path, sound));
        foreach (var kind in new[] { EngineKind.Uring, EngineKind.Kernel })
        {
            File.WriteAllBytes(path, sound);
            using var store = Open(path, kind);
            Check.Equal(kind, store.Engine.Kind, "engine");
            Overwrite(path, damaged);
            Check.Equal(fault, FaultOf(() => store.Get(new byte[8])), $"{kind}: fault");
            Overwrite(path, sound);
            Check.Equal(64, store.Get(new byte[8])?.Length, $"{kind}: value afterwards");
        }
    }

    private static void OfAnotherVersion()
    {
        var (path, bytes) = Store();
        foreach (var slot in new[] { 0, 4096 })
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(slot + 16), 2);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(slot), WordMix.Of((ulong)slot, bytes.AsSpan(slot + 8, 504)));
        }
        File.WriteAllBytes(path, bytes);
        Check.Equal(StoreFormatFault.Version, FaultOf(() => Open(path, EngineKind.Kernel).Dispose()), "fault");
    }

    private static StoreFormatFault? FaultOf(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (StoreFormatException fault)
        {
            return fault.Fault;
        }
    }

    private static KeyValueStore Open(string path, EngineKind kind) =>
        KeyValueStore.Open(path, new KeyValueOptions { Engine = new() { Kind = kind }, Functions = FunctionForm.Bpf, PageCacheBytes = 0, ObjectCacheBytes = 0 });

    private static (string Path, byte[] Bytes) Store()
    {
        var path = Path.Combine(Guest.Data, "damaged.kv");
        foreach (var left in Directory.EnumerateFiles(Guest.Data, "damaged.kv*"))
            File.Delete(left);
        KeyValueStore.Create(path, StoreShape.Fixed);
        KeyValueStore.Load(path, Enumerable.Range(0, Pairs).Select(i =>
        {
            var key = new byte[8];
            BinaryPrimitives.WriteInt64BigEndian(key, i);
            return KeyValuePair.Create(key, new byte[64]);
        }));
        return (path, File.ReadAllBytes(path));
    }

    /// <summary>In place, as a drive would do it: the store is open.</summary>
    private static void Overwrite(string path, byte[] bytes)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(file, bytes, 0);
        RandomAccess.FlushToDisk(file);
    }

    private static StoreHeader HeaderOf(string path, byte[] bytes)
    {
        var even = StoreHeader.Read(path, bytes, 0);
        var odd = StoreHeader.Read(path, bytes.AsSpan(4096), 4096);
        return even is null || odd?.Checkpoint > even.Checkpoint ? odd! : even;
    }

    private static Span<byte> PageOf(byte[] bytes, ExtentPointer page) => bytes.AsSpan((int)page.OffsetBytes, page.LengthBytes);

    private static Span<byte> PointerOf(byte[] bytes, ExtentPointer page, int index) =>
        PageOf(bytes, page)[(PageView.HeaderBytes + (8 * PageView.FixedSlots) + (8 * index))..];

    private static ExtentPointer Child(byte[] bytes, ExtentPointer page, int index = 0) => new(BinaryPrimitives.ReadUInt64LittleEndian(PointerOf(bytes, page, index)));

    private static ExtentPointer Leaf(byte[] bytes, StoreHeader header)
    {
        var page = header.Root;
        for (var level = header.Levels - 1; level > 0; level--)
            page = Child(bytes, page);
        return page;
    }

    private static void Lead(byte[] bytes, ExtentPointer page, ExtentPointer to)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(PointerOf(bytes, page, 0), to.Bits);
        Seal(bytes, page);
    }

    private static void ExchangeKeys(byte[] bytes, ExtentPointer page)
    {
        var heads = PageOf(bytes, page)[PageView.HeaderBytes..];
        var first = BinaryPrimitives.ReadUInt64LittleEndian(heads);
        heads[8..16].CopyTo(heads);
        BinaryPrimitives.WriteUInt64LittleEndian(heads[8..], first);
        Seal(bytes, page);
    }

    private static void SetCount(byte[] bytes, ExtentPointer page, ushort count)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(PageOf(bytes, page)[10..], count);
        Seal(bytes, page);
    }

    /// <summary>With the checksum that the damage should have.</summary>
    private static void Seal(byte[] bytes, ExtentPointer page)
    {
        var content = PageOf(bytes, page);
        BinaryPrimitives.WriteUInt64LittleEndian(content, WordMix.Of((ulong)page.OffsetBytes, content[8..]));
    }
}
