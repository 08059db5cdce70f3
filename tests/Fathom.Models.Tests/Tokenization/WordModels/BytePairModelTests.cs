using Fathom.Models.Tokenization.WordModels;

namespace Fathom.Models.Tests.Tokenization.WordModels;

public class BytePairModelTests
{
    [Fact]
    public void Encode_OfRandomMerges_IsWhatMergingStepByStepGives()
    {
        var random = new Random(11);
        for (var round = 0; round < 50; round++)
        {
            var (ids, merges) = RandomMerges(random, random.Next(1, 40));
            var model = new BytePairModel(ids, merges, [], new BytePairOptions { VocabularySize = ids.Count });
            for (var i = 0; i < 20; i++)
            {
                var word = string.Concat(Enumerable.Range(0, random.Next(1, 80)).Select(_ => (char)('a' + random.Next(3))));
                Assert.Equal(MergeSlowly(word, ids, merges), Encode(model, word));
                // The second time it comes from the cache.
                Assert.Equal(MergeSlowly(word, ids, merges), Encode(model, word));
            }
        }
    }

    [Fact]
    public void Encode_OfUnknownLetters_FusesThemOrNot()
    {
        var ids = Ids("a", "<unk>");
        Assert.Equal([0, 1, 0, 1], Encode(Model(ids, o => o with { Unknown = 1, FuseUnknown = true }), "axyaz"));
        Assert.Equal([0, 1, 1, 0, 1], Encode(Model(ids, o => o with { Unknown = 1 }), "axyaz"));
        Assert.Equal([0, 0], Encode(Model(ids, o => o), "axyaz"));
    }

    [Fact]
    public void Encode_WithByteFallback_SpellsALetterInBytesOnlyWhenAllAreThere()
    {
        var ids = Ids("a", "<unk>", "<0xC3>", "<0xA9>", "<0xE2>");
        var model = Model(ids, o => o with { Unknown = 1, ByteFallback = true });
        Assert.Equal([0, 2, 3, 0, 1], Encode(model, "aéa€"));
    }

    [Fact]
    public void Encode_IgnoringMerges_TakesAWholeWordFirst()
    {
        var ids = Ids("a", "b", "ab", "abb", "<end>");
        (int, int, int)[] merges = [(0, 1, 2)];
        var options = new BytePairOptions { VocabularySize = 5, IgnoreMerges = true, Reserved = [false, false, false, false, true] };
        var model = new BytePairModel(ids, merges, [], options);
        Assert.Equal([3], Encode(model, "abb"));
        Assert.Equal([2, 0], Encode(model, "aba"));
        Assert.Empty(Encode(model, "<end>"));
    }

    [Fact]
    public void Encode_WithPrefixAndSuffix_LooksLettersUpWithThem()
    {
        var ids = Ids("a", "##b", "##b</w>", "a</w>", "ab");
        var model = Model(ids, o => o with { ContinuingPrefix = "##", EndOfWordSuffix = "</w>" });
        Assert.Equal([0, 1, 2], Encode(model, "abb"));
        Assert.Equal([3], Encode(model, "a"));
    }

    [Fact]
    public void Encode_OfAVeryLongWord_TakesTimeInProportion()
    {
        var ids = Ids("a", "aa", "aaaa");
        var model = new BytePairModel(ids, [(0, 0, 1), (1, 1, 2)], [], new BytePairOptions { VocabularySize = 3 });
        Assert.Equal(50_000, Encode(model, new string('a', 200_000)).Length);
    }

    [Fact]
    public void Encode_OfEqualRanks_MergesTheLeftmostFirst()
    {
        var ids = Ids("a", "aa");
        Assert.Equal([1, 0], Encode(new BytePairModel(ids, [(0, 0, 1)], [], new BytePairOptions { VocabularySize = 2 }), "aaa"));
    }

    internal static Dictionary<string, int> Ids(params string[] tokens) =>
        tokens.Select((t, i) => (t, i)).ToDictionary(e => e.t, e => e.i, StringComparer.Ordinal);

    internal static int[] Encode(IWordModel model, string word)
    {
        var output = new List<int>();
        model.Encode(word, EncodeScratch.For(word.Length), output);
        return [.. output];
    }

    private static BytePairModel Model(Dictionary<string, int> ids, Func<BytePairOptions, BytePairOptions> with) =>
        new(ids, [], [], with(new BytePairOptions { VocabularySize = ids.Count }));

    private static (Dictionary<string, int> Ids, List<(int Left, int Right, int Id)> Merges) RandomMerges(Random random, int count)
    {
        var tokens = new List<string> { "a", "b", "c" };
        var ids = Ids("a", "b", "c");
        var merges = new List<(int, int, int)>();
        while (merges.Count < count)
        {
            var (left, right) = (random.Next(tokens.Count), random.Next(tokens.Count));
            var whole = tokens[left] + tokens[right];
            if (whole.Length > 12 || merges.Any(m => m.Item1 == left && m.Item2 == right))
                continue;
            if (ids.TryAdd(whole, tokens.Count))
                tokens.Add(whole);
            merges.Add((left, right, ids[whole]));
        }

        return (ids, merges);
    }

    /// <summary>The definition: merge the leftmost pair of the lowest rank, again and again.</summary>
    private static int[] MergeSlowly(string word, Dictionary<string, int> ids, List<(int Left, int Right, int Id)> merges)
    {
        var symbols = word.Select(c => ids[c.ToString()]).ToList();
        while (true)
        {
            var best = (Rank: int.MaxValue, At: -1);
            for (var i = 0; i + 1 < symbols.Count; i++)
            {
                var rank = merges.FindIndex(m => m.Left == symbols[i] && m.Right == symbols[i + 1]);
                if (rank >= 0 && rank < best.Rank)
                    best = (rank, i);
            }

            if (best.At < 0)
                return [.. symbols];
            symbols[best.At] = merges[best.Rank].Id;
            symbols.RemoveAt(best.At + 1);
        }
    }
}
