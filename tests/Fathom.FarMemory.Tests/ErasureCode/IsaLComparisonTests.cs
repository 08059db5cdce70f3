using Fathom.FarMemory.ErasureCode;

namespace Fathom.FarMemory.Tests.ErasureCode;

public class IsaLComparisonTests
{
    [SkippableTheory]
    [InlineData(4, 2)]
    [InlineData(2, 1)]
    [InlineData(6, 3)]
    [InlineData(10, 4)]
    [InlineData(17, 3)]
    public void Encode_EqualsIsaLByteForByte(int k, int m)
    {
        Skip.IfNot(IsaL.IsPresent, IsaL.SkipReason);
        foreach (var length in new[] { 64, 1000, 8192, 65536, 65536 + 77 })
        {
            using var ours = new ShardSet(k, m, length, seed: length);
            using var theirs = new ShardSet(k, m, length, seed: length);
            new ReedSolomon(k, m).Encode(ours.Data, ours.Parity);
            IsaL.Encode(k, m, theirs.Data, theirs.Parity);
            for (var j = k; j < k + m; j++)
                Assert.Equal(theirs.Copy(j), ours.Copy(j));
        }
    }
}
