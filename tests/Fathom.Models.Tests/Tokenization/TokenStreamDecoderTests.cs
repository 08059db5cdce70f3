using System.Text;
using Fathom.Models.Tokenization;
using Fathom.Models.Tests.Tokenization.GgufVocabularies;

namespace Fathom.Models.Tests.Tokenization;

public class TokenStreamDecoderTests
{
    private static readonly Tokenizer Bytes = Tokenizer.FromGguf(SmallVocabularies.ByteLevel());

    [Fact]
    public void Append_OfAnyTextByteByByte_GivesWholeCharactersAsSoonAsTheyAreThere()
    {
        var random = new Random(5);
        for (var round = 0; round < 500; round++)
        {
            var text = RandomText.Next(random, 10);
            var decoder = new TokenStreamDecoder(Bytes, skipSpecial: true);
            var streamed = new StringBuilder();
            foreach (var rune in text.EnumerateRunes())
            {
                foreach (var b in Encoding.UTF8.GetBytes(rune.ToString()))
                    streamed.Append(decoder.Append(b));
                Assert.False(decoder.HasPending);
                Assert.EndsWith(rune.ToString(), streamed.ToString(), StringComparison.Ordinal);
            }

            Assert.Equal("", decoder.Finish());
            Assert.Equal(text, streamed.ToString());
        }
    }

    [Fact]
    public void Append_OfAnyBytes_AgreesWithDecodingThemAtOnce()
    {
        var random = new Random(6);
        for (var round = 0; round < 2_000; round++)
        {
            // Lead and continuation bytes often, so that ill-formed sequences of every kind turn up.
            var bytes = Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.Next(3) switch
            {
                0 => (byte)random.Next(256),
                1 => (byte)random.Next(0x80, 0xC0),
                _ => (byte)random.Next(0xE0, 0xF5),
            }).ToArray();
            var decoder = new TokenStreamDecoder(Bytes, skipSpecial: true);
            var streamed = string.Concat(bytes.Select(b => decoder.Append(b)));
            Assert.Equal(Encoding.UTF8.GetString(bytes), streamed + decoder.Finish());
        }
    }

    [Fact]
    public void Append_OfAnUnfinishedCharacter_HoldsItBackUntilTheEnd()
    {
        var decoder = new TokenStreamDecoder(Bytes, skipSpecial: true);
        Assert.Equal("a", decoder.Append('a'));
        Assert.Equal("", decoder.Append(0xF0) + decoder.Append(0x9F) + decoder.Append(0x98));
        Assert.True(decoder.HasPending);
        Assert.Equal("\uFFFD", decoder.Finish());
        Assert.False(decoder.HasPending);
        // A byte that cannot go on ends it at once.
        Assert.Equal("", decoder.Append(0xE2));
        Assert.Equal("\uFFFDx", decoder.Append('x'));
    }

    [Fact]
    public void Append_OfControlTokens_SkipsOrSpellsThem()
    {
        var (bytes, spelled) = (new TokenStreamDecoder(Bytes, skipSpecial: true), new TokenStreamDecoder(Bytes, skipSpecial: false));
        Assert.Equal("ab", bytes.Append('a') + bytes.Append(SmallVocabularies.EndOfText) + bytes.Append('b'));
        Assert.Equal("a<|endoftext|>b", spelled.Append('a') + spelled.Append(SmallVocabularies.EndOfText) + spelled.Append('b'));
    }

    [Fact]
    public void Append_OfSentencePieceTokens_DropsTheAddedSpaceOnlyAtTheStartOfAText()
    {
        var tokenizer = Tokenizer.FromGguf(SmallVocabularies.SentencePiece());
        var tokens = tokenizer.Encode("hi hi", addSpecial: true, parseSpecial: false);
        Assert.Equal("hi hi", tokenizer.Decode(tokens, skipSpecial: true));
        var middle = new TokenStreamDecoder(tokenizer, skipSpecial: true);
        Assert.Equal(" hi hi", string.Concat(tokens.Select(middle.Append)));
        var start = new TokenStreamDecoder(tokenizer, skipSpecial: true, atStartOfText: true);
        Assert.Equal("hi hi", string.Concat(tokens.Select(start.Append)));
    }
}
