using System.Text;

namespace Fathom.BuiltinModel.Tokenizer;

/// <summary>
/// Learns byte-level byte-pair merges: the most frequent pair of neighbours inside words becomes a token, again and again.
/// Ties go to the pair with the smaller ids, so the result depends on the text alone. Source: Sennrich et al. 2016, on GPT-2's byte alphabet.
/// </summary>
internal static class BytePairTrainer
{
    /// <param name="texts">Text to learn from, without special tokens.</param>
    /// <param name="specials">Control tokens, which take the last ids.</param>
    /// <param name="vocabulary">Number of tokens wanted, all kinds counted.</param>
    public static BytePairVocabulary Train(IEnumerable<string> texts, IReadOnlyList<string> specials, int vocabulary)
    {
        List<(int[] Symbols, int Count)> words = CountWords(texts);
        var merges = new List<(int Left, int Right)>();
        int next = 256;
        while (next < vocabulary - specials.Count)
        {
            (int Left, int Right) best = MostFrequentPair(words);
            if (best.Left < 0)
                break;
            merges.Add(best);
            for (int w = 0; w < words.Count; w++)
                words[w] = (Merge(words[w].Symbols, best, next), words[w].Count);
            next++;
        }

        return new BytePairVocabulary(merges, specials, vocabulary);
    }

    private static List<(int[] Symbols, int Count)> CountWords(IEnumerable<string> texts)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string text in texts)
        {
            foreach (string word in BytePairVocabulary.Split(text))
                counts[word] = counts.GetValueOrDefault(word) + 1;
        }

        return [.. counts.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => (Encoding.UTF8.GetBytes(p.Key).Select(b => (int)b).ToArray(), p.Value))];
    }

    private static (int Left, int Right) MostFrequentPair(List<(int[] Symbols, int Count)> words)
    {
        var pairs = new Dictionary<(int, int), int>();
        foreach (var (symbols, count) in words)
        {
            for (int i = 0; i + 1 < symbols.Length; i++)
                pairs[(symbols[i], symbols[i + 1])] = pairs.GetValueOrDefault((symbols[i], symbols[i + 1])) + count;
        }

        (int Left, int Right) best = (-1, -1);
        int bestCount = 1;
        foreach (var (pair, count) in pairs)
        {
            if (count > bestCount || (count == bestCount && pair.CompareTo(best) < 0))
                (best, bestCount) = (pair, count);
        }

        return best;
    }

    private static int[] Merge(int[] symbols, (int Left, int Right) pair, int merged)
    {
        if (Array.IndexOf(symbols, pair.Left) < 0)
            return symbols;
        var result = new List<int>(symbols.Length);
        for (int i = 0; i < symbols.Length; i++)
        {
            bool match = symbols[i] == pair.Left && i + 1 < symbols.Length && symbols[i + 1] == pair.Right;
            result.Add(match ? merged : symbols[i]);
            if (match)
                i++;
        }

        return [.. result];
    }
}
