using System.Buffers.Binary;
using Fathom.Storage.KeyValue.Caching;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Storage.KeyValue.Tests.Caching;

public class ObjectCacheTests
{
    private const long CacheBytes = 4 << 20;

    [Fact]
    public void Add_ManyThatAreAskedForOnce_LeavesWhatIsAskedForOften()
    {
        using var cache = new ObjectCache(CacheBytes);
        for (var hot = 0; hot < 500; hot++)
        {
            Add(cache, hot, 1000);
            Assert.True(TryGet(cache, hot, out _));
        }
        for (var cold = 1000; cold < 21_000; cold++)
            Add(cache, cold, 1000);
        Assert.InRange(Enumerable.Range(0, 500).Count(hot => TryGet(cache, hot, out _)), 450, 500);
        Assert.True(cache.Bytes <= CacheBytes);
    }

    [Fact]
    public void Add_WhileThereIsRoom_KeepsEverything()
    {
        using var cache = new ObjectCache(CacheBytes);
        for (var number = 0; number < 3000; number++)
            Add(cache, number, 1000);
        Assert.InRange(Enumerable.Range(0, 3000).Count(number => TryGet(cache, number, out _)), 2950, 3000);
    }

    [Fact]
    public void Add_WhatCameAgainSoonAfterItLeft_IsKept()
    {
        using var cache = new ObjectCache(CacheBytes);
        for (var number = 0; number < 6000; number++)
            Add(cache, number, 1000);
        var gone = Enumerable.Range(0, 6000).Where(number => !TryGet(cache, number, out _)).TakeLast(50).ToList();
        Assert.Equal(50, gone.Count);
        foreach (var number in gone)
            Add(cache, number, 1000);
        for (var cold = 6000; cold < 16_000; cold++)
            Add(cache, cold, 1000);
        Assert.InRange(gone.Count(number => TryGet(cache, number, out _)), 45, 50);
    }

    [Fact]
    public void AnyOrderOfCalls_GivesTheLastValueOrNone()
    {
        using var cache = new ObjectCache(CacheBytes);
        var random = new Random(1);
        var model = new Dictionary<int, int>();
        for (var call = 0; call < 200_000; call++)
        {
            var number = random.Next(2000);
            var bytes = random.Next(50) == 0 ? random.Next(40_000) : random.Next(3000);
            switch (random.Next(4))
            {
                case 0:
                    Add(cache, number, bytes);
                    model[number] = bytes;
                    break;
                case 1 when random.Next(4) == 0:
                    cache.Replace(Hash(number), Key(number), [], isDeleted: true);
                    Assert.False(TryGet(cache, number, out _));
                    break;
                case 1:
                    cache.Replace(Hash(number), Key(number), Value(number, bytes), isDeleted: false);
                    model[number] = bytes;
                    break;
                default:
                    if (TryGet(cache, number, out var value))
                        Assert.Equal(Value(number, model[number]), value);
                    break;
            }
        }
        Assert.True(cache.Bytes <= CacheBytes);
    }

    private static void Add(ObjectCache cache, int number, int bytes) => cache.Add(Hash(number), Key(number), Value(number, bytes), tree: 0);

    private static bool TryGet(ObjectCache cache, int number, out byte[] value)
    {
        var room = new byte[40_000];
        var found = cache.TryGet(Hash(number), Key(number), room, out var bytes);
        value = found ? room[..bytes] : [];
        return found;
    }

    private static ulong Hash(int number) => KeyMix.Of(Key(number));

    private static byte[] Key(int number)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(key, number);
        return key;
    }

    private static byte[] Value(int number, int bytes)
    {
        var value = new byte[bytes];
        new Random((number * 50_000) + bytes).NextBytes(value);
        return value;
    }
}
