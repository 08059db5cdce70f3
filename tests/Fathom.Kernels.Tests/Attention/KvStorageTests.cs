using Fathom.Kernels.Attention;
using Fathom.Kernels.Parallelism;

namespace Fathom.Kernels.Tests.Attention;

[Trait("Category", InstructionSetTests.Kernel)]
public sealed class KvStorageTests
{
    [Theory]
    [InlineData(KvType.F32)]
    [InlineData(KvType.F16)]
    [InlineData(KvType.Q8_0)]
    public void CopyBlock_ThenAttend_SeesTheSameKeysAndValues(KvType type)
    {
        var scenario = new AttentionScenario(1, 4, 2, 48, 16);
        using var pool = new ComputePool(1);
        using var attention = scenario.Create(pool);
        using var kv = new KvStorage(3, 4, 2, 48, type);
        var outputs = new float[2][];
        for (var i = 0; i < 2; i++)
        {
            var block = i == 0 ? 1 : 3;
            attention.SetBatch([new AttentionSequence(0, 16, 0, 0, 1)], [block]);
            if (i == 0)
            {
                for (var layer = 0; layer < 3; layer++)
                    attention.Append(kv, layer, scenario.Keys(0), scenario.Values(0));
                kv.CopyBlock(1, 3);
            }
            outputs[i] = new float[scenario.Queries(0).Length];
            attention.Run(kv, 2, scenario.Queries(0), outputs[i], new AttentionOptions(0.1f));
        }
        Assert.Equal(outputs[0], outputs[1]);
    }

    [Theory]
    [InlineData(KvType.F32)]
    [InlineData(KvType.F16)]
    [InlineData(KvType.Q8_0)]
    public void ReadBlock_WrittenToAnotherStorage_AttendsTheSame(KvType type)
    {
        var scenario = new AttentionScenario(1, 4, 2, 48, 16);
        using var pool = new ComputePool(1);
        using var attention = scenario.Create(pool);
        using var from = new KvStorage(3, 4, 2, 48, type);
        using var to = new KvStorage(3, 7, 2, 48, type);
        attention.SetBatch([new AttentionSequence(0, 16, 0, 0, 1)], [1]);
        for (var layer = 0; layer < 3; layer++)
            attention.Append(from, layer, scenario.Keys(0), scenario.Values(0));
        var expected = new float[scenario.Queries(0).Length];
        attention.Run(from, 2, scenario.Queries(0), expected, new AttentionOptions(0.1f));

        var block = new byte[from.BlockBytes];
        from.ReadBlock(1, block);
        to.WriteBlock(6, block);
        attention.SetBatch([new AttentionSequence(0, 16, 0, 0, 1)], [6]);
        var actual = new float[expected.Length];
        attention.Run(to, 2, scenario.Queries(0), actual, new AttentionOptions(0.1f));

        Assert.Equal(expected, actual);
        var again = new byte[to.BlockBytes];
        to.ReadBlock(6, again);
        Assert.Equal(block, again);
    }

    [Fact]
    public void ReadAndWriteBlock_OutOfRange_AreRefused()
    {
        using var kv = new KvStorage(1, 2, 1, 8, KvType.F32);
        Assert.Throws<ArgumentOutOfRangeException>(() => kv.ReadBlock(2, new byte[kv.BlockBytes]));
        Assert.Throws<ArgumentOutOfRangeException>(() => kv.WriteBlock(-1, new byte[kv.BlockBytes]));
        Assert.Throws<ArgumentException>(() => kv.ReadBlock(0, new byte[kv.BlockBytes + 1]));
        Assert.Throws<ArgumentException>(() => kv.WriteBlock(0, new byte[kv.BlockBytes - 1]));
    }

    [Fact]
    public void Bytes_OfEachType_AreWhatTheFormatsTake()
    {
        // 2 layers, 3 blocks, 2 heads of 64, 16 tokens, keys and values.
        const int Values = 2 * 3 * 2 * 64 * 16 * 2;
        Assert.Equal(Values * 4, KvStorage.BytesFor(2, 3, 2, 64, KvType.F32));
        Assert.Equal(Values * 2, KvStorage.BytesFor(2, 3, 2, 64, KvType.F16));
        Assert.Equal(Values / 32 * 34, KvStorage.BytesFor(2, 3, 2, 64, KvType.Q8_0));
    }

    [Fact]
    public void Dimensions_OutOfRange_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new KvStorage(0, 1, 1, 8, KvType.F32));
        Assert.Throws<ArgumentOutOfRangeException>(() => new KvStorage(1, -1, 1, 8, KvType.F32));
        Assert.Throws<ArgumentOutOfRangeException>(() => new KvStorage(1, 1, 1, 7, KvType.F32));
        Assert.Throws<ArgumentOutOfRangeException>(() => new KvStorage(1, 1, 1, 8, (KvType)9));
        Assert.Throws<OverflowException>(() => KvStorage.BytesFor(int.MaxValue, int.MaxValue, 1000, 64, KvType.F32));
        using var kv = new KvStorage(1, 2, 1, 8, KvType.F32);
        Assert.Throws<ArgumentOutOfRangeException>(() => kv.CopyBlock(0, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => kv.CopyBlock(-1, 0));
    }
}
