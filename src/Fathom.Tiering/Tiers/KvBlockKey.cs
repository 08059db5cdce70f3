using System.Runtime.InteropServices;

namespace Fathom.Tiering.Tiers;

/// <summary>
/// Names a KV block by everything that decides its bytes: the model's weights, the number format and layout of keys and values, and
/// the tokens of the block and of all before it.
/// </summary>
/// <remarks>
/// A link of a hash chain: SHA-256 of (parent's key, the block's tokens), cut to 128 bits. The chain begins at a root key, the same for
/// all prompts of one model, format and layout and different for any other; so two blocks with one key hold the same bytes, whoever
/// computed them. 16 bytes in memory and on disk, little-endian.
/// </remarks>
/// <param name="Hash">The 128 bits.</param>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public readonly record struct KvBlockKey(UInt128 Hash)
{
    /// <summary>Bytes of a key.</summary>
    public const int Bytes = 16;

    /// <inheritdoc/>
    public override string ToString() => Hash.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
}
