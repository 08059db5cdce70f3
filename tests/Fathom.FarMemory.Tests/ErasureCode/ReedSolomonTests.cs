using Fathom.FarMemory.ErasureCode;
using Fathom.Memory;

namespace Fathom.FarMemory.Tests.ErasureCode;

public class ReedSolomonTests
{
    // Around every vector width and its multiples of four, where the loops change over.
    private static readonly int[] Lengths = [1, 15, 16, 17, 31, 63, 64, 65, 127, 128, 255, 256, 257, 1000, 8192, 65536 + 13];

    public static TheoryData<ShardProductPath> Paths() => [.. Enum.GetValues<ShardProductPath>()];

    public static TheoryData<int, int> Codes() => new() { { 1, 1 }, { 2, 1 }, { 4, 2 }, { 5, 3 }, { 8, 4 }, { 10, 5 } };

    [SkippableTheory]
    [MemberData(nameof(Paths))]
    public void Encode_OnEveryPath_EqualsTheDefinition(ShardProductPath path)
    {
        Skip.IfNot(ShardProduct.IsSupported(path), $"This processor has no {path}.");
        foreach (var (k, m) in new[] { (4, 2), (3, 3), (1, 1), (7, 4) })
        {
            var code = new ReedSolomon(k, m, path);
            foreach (var length in Lengths.Where(l => l < 10_000))
            {
                using var shards = new ShardSet(k, m, length, seed: length);
                code.Encode(shards.Data, shards.Parity);
                for (var j = 0; j < m; j++)
                    Assert.Equal(shards.ParityByDefinition(code, j), shards.Copy(k + j));
            }
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Paths))]
    public void MultiplyAccumulate_ThroughUpdateParity_EqualsFreshEncode(ShardProductPath path)
    {
        Skip.IfNot(ShardProduct.IsSupported(path), $"This processor has no {path}.");
        var code = new ReedSolomon(4, 2, path);
        foreach (var length in Lengths)
        {
            using var shards = new ShardSet(4, 2, length, seed: 1);
            using var replacement = new ShardSet(1, 1, length, seed: 2);
            code.Encode(shards.Data, shards.Parity);
            for (var i = 0; i < 4; i++)
            {
                // delta = old xor new, made with the code's own multiplication by one.
                var delta = replacement.Views[1];
                shards.Views[i].AsSpan<byte>().CopyTo(delta.AsSpan<byte>());
                ReedSolomon.MultiplyAccumulate(1, replacement.Views[0], delta);
                for (var j = 0; j < 2; j++)
                    code.UpdateParity(shards.Parity[j], j, i, delta);
                replacement.Views[0].AsSpan<byte>().CopyTo(shards.Views[i].AsSpan<byte>());
                for (var j = 0; j < 2; j++)
                    Assert.Equal(shards.ParityByDefinition(code, j), shards.Copy(4 + j));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public void Reconstruct_FromEveryChoiceOfSurvivors_GivesTheOthersBack(int k, int m)
    {
        var code = new ReedSolomon(k, m);
        using var shards = new ShardSet(k, m, 100, seed: k * 100 + m);
        using var output = new ShardSet(m, 0, 100, seed: 9);
        code.Encode(shards.Data, shards.Parity);
        for (var set = 0; set < 1 << (k + m); set++)
        {
            if (int.PopCount(set) != k)
                continue;
            var present = Enumerable.Range(0, k + m).Where(i => (set >> i & 1) != 0).Reverse().ToArray();
            var missing = Enumerable.Range(0, k + m).Except(present).ToArray();
            code.Reconstruct(present, [.. present.Select(i => shards.Views[i])], missing, output.Views);
            for (var w = 0; w < m; w++)
                Assert.Equal(shards.Copy(missing[w]), output.Copy(w));
        }
    }

    [Fact]
    public void Multiply_InPlace_EqualsTheField()
    {
        using var shard = new ShardSet(1, 0, 256, seed: 3);
        var before = shard.Copy(0);
        ReedSolomon.Multiply(0x53, shard.Views[0], shard.Views[0]);
        Assert.Equal(before.Select(b => ShardSet.SlowMultiply(0x53, b)), shard.Copy(0));
    }

    [Fact]
    public void Reconstruct_IndexNamedTwice_Throws()
    {
        using var shards = new ShardSet(4, 2, 16, seed: 1);
        var views = shards.Views;
        Assert.Throws<ArgumentException>(() =>
            ReedSolomon.FourPlusTwo.Reconstruct([0, 1, 2, 2], views.AsSpan(0, 4), [5], views.AsSpan(5)));
        Assert.Throws<ArgumentException>(() =>
            ReedSolomon.FourPlusTwo.Reconstruct([0, 1, 2, 5], views.AsSpan(0, 4), [5], views.AsSpan(5)));
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            ReedSolomon.FourPlusTwo.Reconstruct([0, 1, 2, 6], views.AsSpan(0, 4), [5], views.AsSpan(5)));
    }

    [Fact]
    public void Encode_WrongShapes_Throws()
    {
        using var shards = new ShardSet(4, 2, 16, seed: 1);
        var views = shards.Views;
        Assert.Throws<ArgumentException>(() => ReedSolomon.FourPlusTwo.Encode(views.AsSpan(0, 3), views.AsSpan(4)));
        Assert.Throws<ArgumentException>(() =>
            ReedSolomon.FourPlusTwo.Encode([views[0], views[1], views[2], views[3].Slice(0, 15)], views.AsSpan(4)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReedSolomon(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReedSolomon(60, 5));
    }

    [Fact]
    public void Encode_AndReconstruct_AllocateNothing()
    {
        using var shards = new ShardSet(4, 2, 8192, seed: 1);
        NativeView[] present = [shards.Views[1], shards.Views[2], shards.Views[4], shards.Views[5]];
        NativeView[] missing = [shards.Views[0], shards.Views[3]];
        int[] presentIndexes = [1, 2, 4, 5];
        int[] missingIndexes = [0, 3];
        Assert.Equal(0, Allocations.OfWarm(Run, rounds: 20));

        void Run()
        {
            ReedSolomon.FourPlusTwo.Encode(shards.Data, shards.Parity);
            ReedSolomon.FourPlusTwo.Reconstruct(presentIndexes, present, missingIndexes, missing);
        }
    }
}
