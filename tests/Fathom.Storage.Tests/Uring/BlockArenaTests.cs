using Fathom.Storage.Uring;

namespace Fathom.Storage.Tests.Uring;

public class BlockArenaTests
{
    [SkippableFact]
    public void Blocks_TakenAndReturnedAtRandom_NeverOverlap()
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        using var arena = BlockArena.TryCreate(1 << 20, out _)!;
        var random = new Random(1);
        var taken = new SortedDictionary<nint, uint>();
        var refused = 0;
        for (var i = 0; i < 50_000; i++)
        {
            if (taken.Count > 0 && random.Next(100) < (i / 5000 % 2 == 0 ? 40 : 60))
            {
                var address = taken.Keys.ElementAt(random.Next(int.Min(taken.Count, 40)));
                taken.Remove(address);
                arena.Return(address);
                continue;
            }
            var size = (uint)random.Next(1, 65537);
            if (random.Next(4) > 0)
                size = (uint)random.Next(1, 2048);
            var block = arena.TryTake(size);
            if (block == 0)
            {
                refused++;
                continue;
            }
            Assert.InRange(block, arena.Address, arena.Address + (nint)arena.LengthBytes - (nint)size);
            Assert.Equal(0, block % 512);
            if (size > 2048)
                Assert.Equal(0, block % 4096);
            taken.Add(block, size);
            Assert.Equal(taken.Count, arena.Used);
            if (i % 500 == 0)
                AssertDisjoint(taken);
        }
        Assert.True(refused > 0);
        AssertDisjoint(taken);
        foreach (var address in taken.Keys)
            arena.Return(address);
        // Nothing is lost to fragmentation once all is returned.
        for (var i = 0; i < 16; i++)
            Assert.NotEqual(0, arena.TryTake(65536));
        Assert.Equal(0, arena.TryTake(512));
    }

    [SkippableFact]
    public void Return_OfABlockTwice_IsCaught()
    {
        Skip.IfNot(OperatingSystem.IsLinux());
        using var arena = BlockArena.TryCreate(128 << 10, out _)!;
        var (first, second) = (arena.TryTake(4096), arena.TryTake(4096));
        arena.Return(first);
        Assert.Throws<Fathom.Memory.InvariantViolationException>(() => arena.Return(first));
        arena.Return(second);
    }

    private static void AssertDisjoint(SortedDictionary<nint, uint> taken)
    {
        nint end = 0;
        foreach (var (address, size) in taken)
        {
            Assert.True(address >= end);
            end = address + (nint)size;
        }
    }
}
