using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tokenization.Normalization;

/// <summary>SentencePiece's compiled character map: a double-array trie from UTF-8 bytes to replacement texts.</summary>
/// <remarks>Layout: u32 size of the trie in bytes, its units as u32, then the replacements, each ended by a zero byte. Source: sentencepiece, normalizer.cc.</remarks>
internal sealed class PrecompiledNormalizer : TextNormalizer
{
    // The reference looks a grapheme up as a whole only when it is shorter than this.
    private const int GraphemeBytesMax = 5;
    private readonly uint[] _units;
    private readonly byte[] _replacements;

    private PrecompiledNormalizer(uint[] units, byte[] replacements) => (_units, _replacements) = (units, replacements);

    /// <summary>Reads a map; null when its sizes do not fit.</summary>
    public static PrecompiledNormalizer? Read(ReadOnlySpan<byte> map)
    {
        if (map.Length < 4)
            return null;
        var trieBytes = BinaryPrimitives.ReadUInt32LittleEndian(map);
        if (trieBytes == 0 || trieBytes % 4 != 0 || trieBytes > map.Length - 4)
            return null;
        var units = new uint[trieBytes / 4];
        for (var i = 0; i < units.Length; i++)
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(map[(4 + (i * 4))..]);
        return new PrecompiledNormalizer(units, map[(4 + (int)trieBytes)..].ToArray());
    }

    public override string Apply(string text, PatternStack stack)
    {
        var result = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length;)
        {
            var length = StringInfo.GetNextTextElementLength(text.AsSpan(at));
            var grapheme = text.AsSpan(at, length);
            at += length;
            if (Encoding.UTF8.GetByteCount(grapheme) <= GraphemeBytesMax && Find(grapheme) is { } whole)
            {
                result.Append(whole);
                continue;
            }

            while (!grapheme.IsEmpty)
            {
                Rune.DecodeFromUtf16(grapheme, out _, out var units);
                if (Find(grapheme[..units]) is { } replacement)
                    result.Append(replacement);
                else
                    result.Append(grapheme[..units]);
                grapheme = grapheme[units..];
            }
        }

        return result.ToString();
    }

    /// <summary>Replacement for the shortest entry that the text begins with, as the reference takes it.</summary>
    private string? Find(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes = bytes[..Encoding.UTF8.GetBytes(text, bytes)];
        if (!TryUnit(0, out var unit))
            return null;
        var node = Offset(unit);
        foreach (var b in bytes)
        {
            if (b == 0)
                return null;
            node ^= b;
            if (!TryUnit(node, out unit) || (unit & 0x8000_00FF) != b)
                return null;
            node ^= Offset(unit);
            if ((unit >> 8 & 1) != 0)
                return TryUnit(node, out var leaf) ? Replacement(leaf & 0x7FFF_FFFF) : null;
        }

        return null;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & (1 << 9)) >> 6);

    private bool TryUnit(uint index, out uint unit)
    {
        var inside = index < _units.Length;
        unit = inside ? _units[index] : 0;
        return inside;
    }

    private string? Replacement(uint at)
    {
        if (at >= _replacements.Length)
            return null;
        var rest = _replacements.AsSpan((int)at);
        var end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }
}
