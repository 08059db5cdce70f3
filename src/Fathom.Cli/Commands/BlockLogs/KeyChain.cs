using System.Buffers.Binary;
using System.Security.Cryptography;
using Fathom.Tiering.Tiers;

namespace Fathom.Cli.Commands.BlockLogs;

/// <summary>Hash chains of keys that stand for no tokens, and bytes that go with a key.</summary>
internal static class KeyChain
{
    private static readonly KvBlockKey Root = new(UInt128.One);

    /// <summary>A chain that begins with another and then takes one branch.</summary>
    public static KvBlockKey[] Make(KvBlockKey[] prompt, int length, int branch)
    {
        var keys = new KvBlockKey[length];
        prompt.CopyTo(keys, 0);
        Span<byte> link = stackalloc byte[KvBlockKey.Bytes + sizeof(int)];
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        for (var i = prompt.Length; i < length; i++)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(link, ParentOf(keys, i).Hash);
            BinaryPrimitives.WriteInt32LittleEndian(link[KvBlockKey.Bytes..], branch);
            SHA256.HashData(link, digest);
            keys[i] = new KvBlockKey(BinaryPrimitives.ReadUInt128LittleEndian(digest));
        }
        return keys;
    }

    public static KvBlockKey ParentOf(KvBlockKey[] chain, int index) => index == 0 ? Root : chain[index - 1];

    /// <summary>Writes the key into the first bytes of a block.</summary>
    public static void Stamp(Span<byte> content, KvBlockKey key) => BinaryPrimitives.WriteUInt128LittleEndian(content, key.Hash);

    /// <summary>All bytes of a block, from its key.</summary>
    public static void Fill(Span<byte> content, KvBlockKey key)
    {
        new Random((int)(uint)key.Hash & int.MaxValue).NextBytes(content);
        Stamp(content, key);
    }
}
