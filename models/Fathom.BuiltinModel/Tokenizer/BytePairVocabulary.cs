using System.Text;
using System.Text.RegularExpressions;

namespace Fathom.BuiltinModel.Tokenizer;

/// <summary>
/// The trained tokenizer: ids 0-255 are bytes, then one id per merge, then unused ones up to the size asked for, then the control tokens.
/// Encodes plain text for training; serving reads the same vocabulary from the GGUF. Not thread-safe (it keeps the words it has seen).
/// </summary>
internal sealed partial class BytePairVocabulary
{
    private static readonly string[] s_byteCharacters = ByteCharacters();
    private readonly IReadOnlyList<(int Left, int Right)> _merges;
    private readonly Dictionary<(int, int), int> _ranks = [];
    private readonly Dictionary<string, int[]> _seen = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<string> _specials;
    private readonly List<byte[]> _bytes = [];

    public BytePairVocabulary(IReadOnlyList<(int Left, int Right)> merges, IReadOnlyList<string> specials, int count)
    {
        _merges = merges;
        _specials = specials;
        Count = count;
        for (int b = 0; b < 256; b++)
            _bytes.Add([(byte)b]);
        for (int i = 0; i < merges.Count; i++)
        {
            _ranks[merges[i]] = i;
            _bytes.Add([.. _bytes[merges[i].Left], .. _bytes[merges[i].Right]]);
        }
    }

    public int Count { get; }

    /// <summary>Ids that have a meaning, control tokens included.</summary>
    public int Used => _bytes.Count + _specials.Count;

    public IReadOnlyList<(int Left, int Right)> Merges => _merges;

    public IReadOnlyList<string> Specials => _specials;

    public int Special(string text)
    {
        for (int i = 0; i < _specials.Count; i++)
        {
            if (_specials[i] == text)
                return Count - _specials.Count + i;
        }

        throw new ArgumentException($"no control token {text}", nameof(text));
    }

    /// <summary>Ids of plain text.</summary>
    public void Encode(string text, List<int> tokens)
    {
        foreach (string word in Split(text))
        {
            if (!_seen.TryGetValue(word, out int[]? ids))
                _seen[word] = ids = EncodeWord(word);
            tokens.AddRange(ids);
        }
    }

    public string Decode(IEnumerable<int> tokens)
    {
        var bytes = new List<byte>();
        foreach (int token in tokens)
        {
            if (token < _bytes.Count)
                bytes.AddRange(_bytes[token]);
            else if (token >= Count - _specials.Count)
                bytes.AddRange(Encoding.UTF8.GetBytes(_specials[token - (Count - _specials.Count)]));
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>The token as GGUF stores it: GPT-2's printable character for each byte.</summary>
    public string Text(int token)
    {
        if (token >= Count - _specials.Count)
            return _specials[token - (Count - _specials.Count)];
        return token < _bytes.Count ? string.Concat(_bytes[token].Select(b => s_byteCharacters[b])) : $"<|unused{token}|>";
    }

    public bool IsUsed(int token) => token < _bytes.Count || IsSpecial(token);

    public bool IsSpecial(int token) => token >= Count - _specials.Count;

    /// <summary>Words as GPT-2 splits them: a word takes the space before it.</summary>
    public static List<string> Split(string text)
    {
        var words = new List<string>();
        foreach (ValueMatch match in Words().EnumerateMatches(text))
            words.Add(text.Substring(match.Index, match.Length));
        return words;
    }

    private int[] EncodeWord(string word)
    {
        var symbols = Encoding.UTF8.GetBytes(word).Select(b => (int)b).ToList();
        while (symbols.Count > 1)
        {
            int best = int.MaxValue, at = -1;
            for (int i = 0; i + 1 < symbols.Count; i++)
            {
                if (_ranks.TryGetValue((symbols[i], symbols[i + 1]), out int rank) && rank < best)
                    (best, at) = (rank, i);
            }

            if (at < 0)
                break;
            symbols[at] = 256 + best;
            symbols.RemoveAt(at + 1);
        }

        return [.. symbols];
    }

    private static string[] ByteCharacters()
    {
        var characters = new string[256];
        int shifted = 0;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            characters[b] = ((char)(printable ? b : 256 + shifted++)).ToString();
        }

        return characters;
    }

    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Words();
}
