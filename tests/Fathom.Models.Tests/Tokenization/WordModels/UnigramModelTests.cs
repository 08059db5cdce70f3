using Fathom.Models.Tokenization.WordModels;

namespace Fathom.Models.Tests.Tokenization.WordModels;

public class UnigramModelTests
{
    [Fact]
    public void Encode_ThePublishedExample_FusesUnknownLetters()
    {
        // The example in the tokenizers library's documentation of Unigram::encode.
        var pieces = BytePairModelTests.Ids("<unk>", "a", "b", "c", "d", "cd", "ab", "abc", "abcd");
        var model = new UnigramModel(pieces, [0, 0, 0, 0, 0, 1, 2, 5, 10], unknown: 0, byteTokens: null);
        Assert.Equal([8, 1, 5, 0], BytePairModelTests.Encode(model, "abcdacdxx"));
    }

    [Fact]
    public void Encode_OfRandomPieces_HasTheBestScoreOfAllCuts()
    {
        var random = new Random(13);
        for (var round = 0; round < 200; round++)
        {
            var pieces = BytePairModelTests.Ids([.. Enumerable.Range(0, 25)
                .Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select(_ => (char)('a' + random.Next(3)))))
                .Concat(["a", "b", "c"]).Distinct()]);
            var scores = pieces.Select(_ => -random.NextDouble() * 10).ToArray();
            var model = new UnigramModel(pieces, scores, unknown: null, byteTokens: null);
            var word = string.Concat(Enumerable.Range(0, random.Next(1, 14)).Select(_ => (char)('a' + random.Next(3))));
            var tokens = BytePairModelTests.Encode(model, word);
            Assert.Equal(word, string.Concat(tokens.Select(t => pieces.First(p => p.Value == t).Key)));
            Assert.Equal(BestScore(word, pieces, scores), tokens.Sum(t => scores[t]), 9);
        }
    }

    [Fact]
    public void Encode_OfUnknownLettersWithByteFallback_SpellsThemInBytes()
    {
        var bytes = Enumerable.Range(0, 256).Select(b => b + 10).ToArray();
        var model = new UnigramModel(BytePairModelTests.Ids("<unk>", "a"), [0, -1], unknown: 0, bytes);
        Assert.Equal([1, 0xC3 + 10, 0xA9 + 10, 0xF0 + 10, 0x9F + 10, 0x98 + 10, 0x80 + 10, 1], BytePairModelTests.Encode(model, "aé\U0001F600a"));
    }

    private static double BestScore(string word, Dictionary<string, int> pieces, double[] scores) => word.Length == 0
        ? 0
        : pieces.Where(p => word.StartsWith(p.Key, StringComparison.Ordinal)).Max(p => scores[p.Value] + BestScore(word[p.Key.Length..], pieces, scores));
}
