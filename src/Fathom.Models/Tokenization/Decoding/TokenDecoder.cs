using System.Text;
using Fathom.Models.Tokenization.Normalization;
using Fathom.Models.Tokenization.WordModels;

namespace Fathom.Models.Tokenization.Decoding;

/// <summary>One step from a token's spelling to the text it stands for.</summary>
/// <remarks>Steps see one token at a time and whether it begins the text, so that streams and whole sequences decode alike.</remarks>
internal abstract class TokenDecoder
{
    /// <param name="token">The token as the steps before left it; changed in place.</param>
    /// <param name="first">The token begins the text.</param>
    public abstract void Apply(ref DecodedToken token, bool first);
}

/// <summary>A token half-way: still letters, or already bytes.</summary>
internal struct DecodedToken(string text)
{
    public string Text = text;

    /// <summary>Set once the token is bytes; <see cref="Text"/> is then void.</summary>
    public byte[]? Bytes;

    public readonly byte[] ToBytes() => Bytes ?? Encoding.UTF8.GetBytes(Text);
}

/// <summary>GPT-2's letters back to bytes; a token with any other letter stands for itself.</summary>
internal sealed class ByteLevelDecoder : TokenDecoder
{
    public override void Apply(ref DecodedToken token, bool first)
    {
        if (token.Bytes is null)
            token.Bytes = ByteAlphabet.TryUnspell(token.Text, out var bytes) ? bytes : token.ToBytes();
    }
}

/// <summary>&lt;0xXX&gt; to its byte.</summary>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    public override void Apply(ref DecodedToken token, bool first)
    {
        if (token.Bytes is null && ByteAlphabet.TryFallbackByte(token.Text, out var value))
            token.Bytes = [value];
    }
}

/// <summary>Replaces text inside each token.</summary>
internal sealed class ReplaceDecoder(ReplaceNormalizer replace) : TokenDecoder
{
    public override void Apply(ref DecodedToken token, bool first)
    {
        if (token.Bytes is not null)
            return;
        token.Text = replace.Replace(token.Text, EncodeScratch.For(token.Text.Length).Patterns);
    }
}

/// <summary>▁ to a space; the one that was put before the text vanishes.</summary>
internal sealed class MetaspaceDecoder(Rune letter, bool prepended) : TokenDecoder
{
    public override void Apply(ref DecodedToken token, bool first)
    {
        if (token.Bytes is null)
            token.Text = token.Text.Replace(letter.ToString(), first && prepended ? "" : " ", StringComparison.Ordinal);
    }
}

/// <summary>Takes up to so many of a letter away at the ends of each token, or (after Fuse) at the start of the text.</summary>
internal sealed class StripDecoder(Rune content, int start, int stop, bool onlyFirst) : TokenDecoder
{
    public override void Apply(ref DecodedToken token, bool first)
    {
        if (onlyFirst && !first)
            return;
        var letter = Encoding.UTF8.GetBytes(content.ToString());
        var bytes = token.ToBytes().AsSpan();
        for (var i = 0; i < start && bytes.StartsWith(letter); i++)
            bytes = bytes[letter.Length..];
        for (var i = 0; i < stop && bytes.EndsWith(letter); i++)
            bytes = bytes[..^letter.Length];
        if (token.Bytes is null)
            token.Text = Encoding.UTF8.GetString(bytes);
        else
            token.Bytes = bytes.ToArray();
    }
}

/// <summary>WordPiece: parts of a word join, words are set apart, and some spaces vanish again.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanup) : TokenDecoder
{
    private static readonly (string From, string To)[] Cleanups =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"),
        (" 've", "'ve"), (" 're", "'re"),
    ];

    public override void Apply(ref DecodedToken token, bool first)
    {
        if (token.Bytes is not null)
            return;
        if (!first)
            token.Text = token.Text.StartsWith(prefix, StringComparison.Ordinal) ? token.Text[prefix.Length..] : " " + token.Text;
        if (!cleanup)
            return;
        foreach (var (from, to) in Cleanups)
            token.Text = token.Text.Replace(from, to, StringComparison.Ordinal);
    }
}

/// <summary>Without a decoder, tokens are set apart by spaces.</summary>
internal sealed class SpaceJoinDecoder : TokenDecoder
{
    public override void Apply(ref DecodedToken token, bool first)
    {
        if (!first)
            token.Text = " " + token.Text;
    }
}
