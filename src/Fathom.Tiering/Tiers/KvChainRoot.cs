using System.Buffers.Binary;
using System.Security.Cryptography;
using Fathom.Kernels.Attention;

namespace Fathom.Tiering.Tiers;

/// <summary>Where the chains of a model's blocks begin.</summary>
public static class KvChainRoot
{
    /// <summary>SHA-256 over the model's hash and everything about the storage that decides a block's bytes, cut to 128 bits.</summary>
    /// <param name="modelHash">Names the model's weights and configuration.</param>
    /// <param name="storage">Storage of its keys and values; how many blocks it has does not matter.</param>
    public static KvBlockKey Of(ReadOnlySpan<byte> modelHash, KvStorage storage)
    {
        ArgumentNullException.ThrowIfNull(storage);
        ArgumentOutOfRangeException.ThrowIfZero(modelHash.Length);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("fathom kv blocks"u8);
        Span<byte> number = stackalloc byte[sizeof(int)];
        foreach (var value in (ReadOnlySpan<int>)
            [KvStorage.LayoutVersion, (int)storage.Type, storage.Layers, storage.KvHeads, storage.HeadDim, KvStorage.BlockTokens, modelHash.Length])
        {
            BinaryPrimitives.WriteInt32LittleEndian(number, value);
            hash.AppendData(number);
        }
        hash.AppendData(modelHash);
        return new KvBlockKey(BinaryPrimitives.ReadUInt128LittleEndian(hash.GetHashAndReset()));
    }
}
