using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Fathom.Serving.KvCache;

/// <summary>Names the content of a full KV block: the tokens of the block and of everything before it.</summary>
/// <remarks>
/// SHA-256 of (parent's hash, the block's tokens), cut to 128 bits. Two different prefixes share a name only by a collision of
/// SHA-256's first half, which takes about 2^64 tries to find on purpose, so a match needs no comparison of tokens.
/// </remarks>
/// <param name="Value">The 128 bits.</param>
internal readonly record struct PrefixHash(UInt128 Value)
{
    /// <summary>The parent of a sequence's first block where no tiers give another.</summary>
    public static PrefixHash Root => default;

    /// <summary>The name of the block that follows this one.</summary>
    /// <param name="blockTokens">Its tokens, a full block.</param>
    public PrefixHash Extend(ReadOnlySpan<int> blockTokens)
    {
        Span<byte> input = stackalloc byte[16 + (KvBlockPool.BlockTokens * sizeof(int))];
        BinaryPrimitives.WriteUInt128LittleEndian(input, Value);
        MemoryMarshal.AsBytes(blockTokens).CopyTo(input[16..]);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input[..(16 + (blockTokens.Length * sizeof(int)))], digest);
        return new PrefixHash(BinaryPrimitives.ReadUInt128LittleEndian(digest));
    }
}
