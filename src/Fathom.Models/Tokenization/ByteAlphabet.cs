using System.Globalization;
using System.Text;

namespace Fathom.Models.Tokenization;

/// <summary>The two ways vocabularies spell raw bytes: GPT-2's 256 printable letters, and SentencePiece's &lt;0xXX&gt;.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] Letters = BuildLetters();
    private static readonly short[] Bytes = BuildBytes();

    /// <summary>The letter that stands for a byte.</summary>
    public static char Letter(byte value) => Letters[value];

    /// <summary>The byte a letter stands for, or false when it stands for none.</summary>
    public static bool TryByte(char letter, out byte value)
    {
        var found = letter < Bytes.Length ? Bytes[letter] : (short)-1;
        value = (byte)found;
        return found >= 0;
    }

    /// <summary>The UTF-8 bytes of a text, in letters.</summary>
    public static string Spell(ReadOnlySpan<char> text)
    {
        var letters = new StringBuilder(text.Length);
        Span<byte> bytes = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            var length = rune.EncodeToUtf8(bytes);
            foreach (var b in bytes[..length])
                letters.Append(Letters[b]);
        }

        return letters.ToString();
    }

    /// <summary>The bytes that letters stand for, or false when one of them stands for none.</summary>
    public static bool TryUnspell(string letters, out byte[] bytes)
    {
        bytes = new byte[letters.Length];
        for (var i = 0; i < letters.Length; i++)
        {
            if (!TryByte(letters[i], out bytes[i]))
                return false;
        }

        return true;
    }

    /// <summary>SentencePiece's spelling of a byte.</summary>
    public static string FallbackToken(byte value) => $"<0x{value:X2}>";

    /// <summary>The byte that a token such as &lt;0x0A&gt; stands for.</summary>
    public static bool TryFallbackByte(string token, out byte value)
    {
        value = 0;
        return token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>Printable Latin-1 bytes are themselves; the others take the letters from U+0100 on, in order.</summary>
    private static char[] BuildLetters()
    {
        var letters = new char[256];
        var next = 256;
        for (var b = 0; b < 256; b++)
            letters[b] = b is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : (char)next++;
        return letters;
    }

    private static short[] BuildBytes()
    {
        var bytes = new short[Letters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (var b = 0; b < 256; b++)
            bytes[Letters[b]] = (short)b;
        return bytes;
    }
}
