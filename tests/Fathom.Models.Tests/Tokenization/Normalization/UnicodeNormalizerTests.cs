using System.Text;
using Fathom.Models.Tokenization.Normalization;

namespace Fathom.Models.Tests.Tokenization.Normalization;

public class UnicodeNormalizerTests
{
    [Theory]
    // Rows of Unicode's NormalizationTest.txt: source, NFC, NFD, NFKC, NFKD.
    [InlineData("\u1E0A", "\u1E0A", "D\u0307", "\u1E0A", "D\u0307")]
    [InlineData("\u1E0A\u0323", "\u1E0C\u0307", "D\u0323\u0307", "\u1E0C\u0307", "D\u0323\u0307")]
    [InlineData("D\u031B\u0307\u0323", "\u1E0C\u031B\u0307", "D\u031B\u0323\u0307", "\u1E0C\u031B\u0307", "D\u031B\u0323\u0307")]
    [InlineData("\u05B8\u05B9\u05B1\u0591\u05C3\u05B0\u05AC\u059F", "\u05B1\u05B8\u05B9\u0591\u05C3\u05B0\u05AC\u059F", "\u05B1\u05B8\u05B9\u0591\u05C3\u05B0\u05AC\u059F",
        "\u05B1\u05B8\u05B9\u0591\u05C3\u05B0\u05AC\u059F", "\u05B1\u05B8\u05B9\u0591\u05C3\u05B0\u05AC\u059F")]
    [InlineData("\u00A8", "\u00A8", "\u00A8", " \u0308", " \u0308")]
    [InlineData("\uFB01", "\uFB01", "\uFB01", "fi", "fi")]
    [InlineData("\u212B", "\u00C5", "A\u030A", "\u00C5", "A\u030A")]
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C")]
    [InlineData("\uAC01", "\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\u1100\uAC00\u11A8", "\u1100\uAC01", "\u1100\u1100\u1161\u11A8", "\u1100\uAC01", "\u1100\u1100\u1161\u11A8")]
    [InlineData("\u0344", "\u0308\u0301", "\u0308\u0301", "\u0308\u0301", "\u0308\u0301")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165", "\U0001D157\U0001D165", "\U0001D157\U0001D165", "\U0001D157\U0001D165")]
    [InlineData("\U0002F800", "\u4E3D", "\u4E3D", "\u4E3D", "\u4E3D")]
    [InlineData("\uFDFA", "\uFDFA", "\uFDFA", "صلى الله عليه وسلم", "صلى الله عليه وسلم")]
    public void Normalize_RowsOfTheConformanceTest_GiveTheFourForms(string source, string nfc, string nfd, string nfkc, string nfkd)
    {
        foreach (var text in (string[])[source, nfc, nfd])
        {
            Assert.Equal(nfc, UnicodeNormalizer.Normalize(text, NormalizationForm.FormC));
            Assert.Equal(nfd, UnicodeNormalizer.Normalize(text, NormalizationForm.FormD));
            Assert.Equal(nfkc, UnicodeNormalizer.Normalize(text, NormalizationForm.FormKC));
            Assert.Equal(nfkd, UnicodeNormalizer.Normalize(text, NormalizationForm.FormKD));
        }
    }

    [Fact]
    public void Normalize_RandomText_KeepsTheLawsOfTheForms()
    {
        var random = new Random(15);
        for (var round = 0; round < 2_000; round++)
        {
            var text = RandomText.Next(random, 12);
            string C(string s) => UnicodeNormalizer.Normalize(s, NormalizationForm.FormC);
            string D(string s) => UnicodeNormalizer.Normalize(s, NormalizationForm.FormD);
            string KC(string s) => UnicodeNormalizer.Normalize(s, NormalizationForm.FormKC);
            string KD(string s) => UnicodeNormalizer.Normalize(s, NormalizationForm.FormKD);
            Assert.Equal(C(text), C(D(text)));
            Assert.Equal(D(text), D(C(text)));
            Assert.Equal(KC(text), KC(KD(text)));
            Assert.Equal(KC(text), C(KD(text)));
            Assert.Equal(KD(text), KD(KC(text)));
            Assert.Equal(C(text), C(C(text)));
        }
    }
}
