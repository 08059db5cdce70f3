using Fathom.FarMemory.Heap;

namespace Fathom.FarMemory.Tests.Heap;

public class PageRunsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void TakeAndGiveBack_AtRandom_AgreeWithABitmap(int seed)
    {
        const int pages = 1000;
        var runs = new PageRuns(pages);
        var used = new bool[pages];
        var taken = new List<(int First, int Pages)>();
        var random = new Random(seed);
        for (var step = 0; step < 20_000; step++)
        {
            if (random.Next(2) == 0 || taken.Count == 0)
            {
                var wanted = random.Next(20) == 0 ? random.Next(1, 400) : random.Next(1, 20);
                var first = runs.Take(wanted);
                if (first < 0)
                {
                    Assert.True(LongestFree(used) < wanted, $"a run of {wanted} was refused");
                    continue;
                }
                Assert.DoesNotContain(true, used.AsSpan(first, wanted).ToArray());
                used.AsSpan(first, wanted).Fill(true);
                taken.Add((first, wanted));
            }
            else
            {
                var index = random.Next(taken.Count);
                var (first, length) = taken[index];
                taken[index] = taken[^1];
                taken.RemoveAt(taken.Count - 1);
                used.AsSpan(first, length).Clear();
                runs.GiveBack(first, length);
            }
            Assert.Equal(used.Count(u => !u), runs.FreePages);
        }
        foreach (var (first, length) in taken)
            runs.GiveBack(first, length);
        Assert.Equal(0, runs.Take(pages));
    }

    private static int LongestFree(bool[] used)
    {
        int longest = 0, run = 0;
        foreach (var page in used)
        {
            run = page ? 0 : run + 1;
            longest = Math.Max(longest, run);
        }
        return longest;
    }
}
