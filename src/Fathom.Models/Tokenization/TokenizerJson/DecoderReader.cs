using System.Text;
using Fathom.Models.Tokenization.Decoding;
using Fathom.Models.Tokenization.PreTokenization;

namespace Fathom.Models.Tokenization.TokenizerJson;

/// <summary>Reads the <c>decoder</c> of a tokenizer.json into one flat list of steps.</summary>
internal static class DecoderReader
{
    private const int LettersMax = 1000;
    private const int StepsMax = 32;

    public static TokenDecoder[] Read(JsonField field)
    {
        var steps = new List<TokenDecoder>();
        var fused = false;
        Add(field, steps, ref fused);
        return [.. steps];
    }

    private static void Add(JsonField field, List<TokenDecoder> steps, ref bool fused)
    {
        if (steps.Count == StepsMax)
            throw field.Bad($"is the decoder behind {StepsMax} others; more are not supported");
        var kind = field.Need("type").Text();
        switch (kind)
        {
            case "Sequence":
                foreach (var item in field.Need("decoders").Items())
                    Add(item, steps, ref fused);
                break;
            case "ByteLevel":
                steps.Add(new ByteLevelDecoder());
                break;
            case "ByteFallback":
                steps.Add(new ByteFallbackDecoder());
                break;
            case "Fuse":
                // Tokens are joined in any case; what matters is that steps behind it see one text.
                fused = true;
                break;
            case "Strip":
                steps.Add(Strip(field, fused));
                break;
            case "Replace":
                steps.Add(new ReplaceDecoder(NormalizerReader.Replace(field)));
                break;
            case "Metaspace":
                var letter = field.Find("replacement") is { } replacement ? PreTokenizerReader.OneLetter(replacement) : new Rune(Metaspace.Letter);
                steps.Add(new MetaspaceDecoder(letter, PreTokenizerReader.Prepend(field) != PrependScheme.Never));
                break;
            case "WordPiece":
                steps.Add(new WordPieceDecoder(field.Find("prefix")?.Text() ?? "##", NormalizerReader.Flag(field, "cleanup", true)));
                break;
            default:
                throw field.Bad("type", $"decoder '{kind}' is not known");
        }
    }

    private static StripDecoder Strip(JsonField field, bool fused)
    {
        var stop = field.Need("stop");
        if (fused && stop.Whole(LettersMax) != 0)
            throw stop.Bad($"{stop.Whole(LettersMax)} behind Fuse would hold every stream back; it is not supported");
        return new StripDecoder(
            PreTokenizerReader.OneLetter(field.Need("content")), field.Need("start").Whole(LettersMax), stop.Whole(LettersMax), fused);
    }
}
