using Fathom.Models.Tokenization.WordModels;

namespace Fathom.Models.Tests.Tokenization.WordModels;

public class WordPieceModelTests
{
    private static readonly WordPieceModel Model =
        new(BytePairModelTests.Ids("[UNK]", "un", "##aff", "##able", "##a", "run", "##ning", "r"), 0, "##", 12);

    [Theory]
    [InlineData("unaffable", new[] { 1, 2, 3 })]
    [InlineData("running", new[] { 5, 6 })]
    [InlineData("ra", new[] { 7, 4 })]
    [InlineData("unx", new[] { 0 })]
    [InlineData("x", new[] { 0 })]
    [InlineData("raaaaaaaaaaaa", new[] { 0 })]
    public void Encode_OfAWord_TakesTheLongestTokensOrUnknown(string word, int[] expected) =>
        Assert.Equal(expected, BytePairModelTests.Encode(Model, word));
}
