using Fathom.FarMemory.ErasureCode;
using Fathom.Memory;

namespace Fathom.FarMemory.Tests.ErasureCode;

/// <summary>The shards of one code word in native memory, data filled from a seed.</summary>
internal sealed class ShardSet : IDisposable
{
    private readonly NativeBuffer[] _buffers;

    public ShardSet(int dataShards, int parityShards, int shardBytes, int seed)
    {
        DataShards = dataShards;
        _buffers = [.. Enumerable.Range(0, dataShards + parityShards).Select(_ => NativeBuffer.Allocate(shardBytes))];
        Views = [.. _buffers.Select(b => b.View)];
        var random = new Random(seed);
        foreach (var view in Data)
            random.NextBytes(view.AsSpan<byte>());
    }

    public int DataShards { get; }

    public NativeView[] Views { get; }

    public ReadOnlySpan<NativeView> Data => Views.AsSpan(0, DataShards);

    public ReadOnlySpan<NativeView> Parity => Views.AsSpan(DataShards);

    public byte[] Copy(int shard) => Views[shard].AsSpan<byte>().ToArray();

    /// <summary>Parity by the definition, one byte at a time with a multiplication that shares nothing with the library.</summary>
    public byte[] ParityByDefinition(ReedSolomon code, int parity)
    {
        var sum = new byte[Views[0].Length];
        for (var i = 0; i < DataShards; i++)
        {
            var data = Views[i].AsSpan<byte>();
            for (var b = 0; b < sum.Length; b++)
                sum[b] ^= SlowMultiply(code.Coefficient(parity, i), data[b]);
        }
        return sum;
    }

    /// <summary>Carry-less product reduced by 0x11D, bit by bit.</summary>
    public static byte SlowMultiply(byte a, byte b)
    {
        var product = 0;
        for (var bit = 0; bit < 8; bit++)
            product ^= (b >> bit & 1) * (a << bit);
        for (var bit = 14; bit >= 8; bit--)
            product ^= (product >> bit & 1) * (0x11D << (bit - 8));
        return (byte)product;
    }

    public void Dispose()
    {
        foreach (var buffer in _buffers)
            buffer.Dispose();
    }
}
