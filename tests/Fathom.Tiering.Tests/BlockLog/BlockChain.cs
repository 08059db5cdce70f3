using System.Buffers.Binary;
using System.Security.Cryptography;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Tests.BlockLog;

/// <summary>Keys as a hash chain makes them, and for each key the bytes that it stands for.</summary>
internal static class BlockChain
{
    public static readonly KvBlockKey Root = new(UInt128.MaxValue);

    public static KvBlockKey Child(KvBlockKey parent, int branch)
    {
        Span<byte> input = stackalloc byte[20];
        BinaryPrimitives.WriteUInt128LittleEndian(input, parent.Hash);
        BinaryPrimitives.WriteInt32LittleEndian(input[16..], branch);
        return new KvBlockKey(BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(input)));
    }

    /// <summary>A chain that takes one branch all the way.</summary>
    public static KvBlockKey[] Of(int length, int branch = 0) => Extend([], length, branch);

    /// <summary>A chain and its continuation in a branch.</summary>
    public static KvBlockKey[] Extend(KvBlockKey[] chain, int length, int branch)
    {
        var keys = new KvBlockKey[chain.Length + length];
        chain.CopyTo(keys, 0);
        for (var i = chain.Length; i < keys.Length; i++)
            keys[i] = Child(i == 0 ? Root : keys[i - 1], branch);
        return keys;
    }

    public static KvBlockKey ParentOf(KvBlockKey[] chain, int index) => index == 0 ? Root : chain[index - 1];

    /// <summary>The bytes of a block.</summary>
    public static void Fill(Span<byte> content, KvBlockKey key)
    {
        new Random((int)(uint)key.Hash & int.MaxValue).NextBytes(content);
        if (content.Length >= KvBlockKey.Bytes)
            BinaryPrimitives.WriteUInt128LittleEndian(content, key.Hash);
    }
}
