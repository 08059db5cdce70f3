using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tokenization.TokenizerJson;

/// <summary>An entry of <c>added_tokens</c>.</summary>
internal sealed record AddedToken(string Content, int Id, bool SingleWord, bool StripsLeft, bool StripsRight, bool Normalized, bool Special);

/// <summary>Finds added tokens in a text, from the left, of those that begin at one place the longest.</summary>
/// <remarks>Immutable. What a match that is turned down covers is not searched again, as in the reference.</remarks>
internal sealed class AddedTokenSplitter
{
    private readonly PrefixIndex _index;
    private readonly AddedToken[] _tokens;

    /// <param name="tokens">Tokens with the spelling to look for, which is the normalized one for those that are normalized.</param>
    public AddedTokenSplitter(IReadOnlyList<(string Spelling, AddedToken Token)> tokens)
    {
        _tokens = [.. tokens.Select(t => t.Token)];
        var bySpelling = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < tokens.Count; i++)
        {
            if (tokens[i].Spelling.Length > 0)
                bySpelling.TryAdd(tokens[i].Spelling, i);
        }

        _index = new PrefixIndex(bySpelling);
    }

    /// <summary>Part of a text: an added token, or (null) text between.</summary>
    public readonly record struct Part(int Start, int Length, AddedToken? Token);

    /// <summary>Cuts a text into parts, in order, none empty but perhaps a token whose white space another has taken.</summary>
    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="withSpecial">Find special tokens, too.</param>
    public List<Part> Split(ReadOnlySpan<char> text, bool withSpecial)
    {
        var parts = new List<Part>();
        var done = 0;
        if (_index.IsEmpty)
            return [new Part(0, text.Length, null)];
        for (var at = _index.NextCandidate(text, 0); at >= 0;)
        {
            if (!_index.TryLongest(text, at, out var value, out var length))
            {
                at = _index.NextCandidate(text, at + 1);
                continue;
            }

            var (start, end) = (at, at + length);
            at = end <= text.Length ? _index.NextCandidate(text, end) : -1;
            var token = _tokens[value];
            if ((token.Special && !withSpecial) || (token.SingleWord && !StandsAlone(text, start, end)))
                continue;
            while (token.StripsLeft && start > done && UnicodeProperties.WhiteSpace.Contains(text[start - 1]))
                start--;
            while (token.StripsRight && end < text.Length && UnicodeProperties.WhiteSpace.Contains(text[end]))
                end++;
            // White space that one token has taken on its right may hold the next token.
            start = Math.Max(start, done);
            end = Math.Max(end, start);
            if (start > done)
                parts.Add(new Part(done, start - done, null));
            parts.Add(new Part(start, end - start, token));
            done = end;
        }

        if (done < text.Length)
            parts.Add(new Part(done, text.Length - done, null));
        return parts;
    }

    private static bool StandsAlone(ReadOnlySpan<char> text, int start, int end)
    {
        System.Text.Rune.DecodeLastFromUtf16(text[..start], out var before, out var beforeUnits);
        System.Text.Rune.DecodeFromUtf16(text[end..], out var after, out var afterUnits);
        return (beforeUnits == 0 || !IsWord(before.Value)) && (afterUnits == 0 || !IsWord(after.Value));
    }

    private static bool IsWord(int codePoint) => UnicodeProperties.RustWord.Contains(codePoint);
}
