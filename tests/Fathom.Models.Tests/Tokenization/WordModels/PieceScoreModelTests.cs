using Fathom.Models.Tokenization.WordModels;

namespace Fathom.Models.Tests.Tokenization.WordModels;

public class PieceScoreModelTests
{
    [Fact]
    public void Encode_OfRandomPieces_IsWhatMergingByScoreStepByStepGives()
    {
        var random = new Random(12);
        for (var round = 0; round < 50; round++)
        {
            var pieces = BytePairModelTests.Ids([.. Enumerable.Range(0, 40)
                .Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => "ab▁c"[random.Next(4)]))).Append("a").Distinct()]);
            // Few different scores, so that ties are common.
            var scores = pieces.Select(_ => -(float)random.Next(6)).ToArray();
            var unknown = pieces.Count;
            var model = new PieceScoreModel(pieces, scores, [.. Enumerable.Repeat(-1, 256)], unknown);
            for (var i = 0; i < 20; i++)
            {
                var word = string.Concat(Enumerable.Range(0, random.Next(1, 60)).Select(_ => "ab▁c"[random.Next(4)]));
                var output = new List<int>();
                WordSplitting.EncodeMetaspaced(word, model, EncodeScratch.For(word.Length), output);
                Assert.Equal(MergeSlowly(word, pieces, scores, unknown), output);
            }
        }
    }

    [Fact]
    public void Encode_OfLettersWithoutPiece_FallsBackToBytesThenToUnknown()
    {
        var bytes = Enumerable.Repeat(-1, 256).ToArray();
        (bytes[0xC3], bytes[0xA9]) = (5, 6);
        var model = new PieceScoreModel(BytePairModelTests.Ids("a"), [0], bytes, unknown: 9);
        Assert.Equal([0, 5, 6, 9, 0], BytePairModelTests.Encode(model, "aé€a"));
    }

    private static List<int> MergeSlowly(string word, Dictionary<string, int> pieces, float[] scores, int unknown)
    {
        var symbols = word.Select(c => c.ToString()).ToList();
        while (true)
        {
            var best = (Score: float.NegativeInfinity, At: -1);
            for (var i = 0; i + 1 < symbols.Count; i++)
            {
                if (pieces.TryGetValue(symbols[i] + symbols[i + 1], out var id) && scores[id] > best.Score)
                    best = (scores[id], i);
            }

            if (best.At < 0)
                return [.. symbols.Select(s => pieces.GetValueOrDefault(s, unknown))];
            symbols[best.At] += symbols[best.At + 1];
            symbols.RemoveAt(best.At + 1);
        }
    }
}
