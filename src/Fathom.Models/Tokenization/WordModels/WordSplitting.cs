using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tokenization.WordModels;

/// <summary>Feeds a model with the words of a text.</summary>
internal static class WordSplitting
{
    /// <summary>Cuts by each pattern in turn, matches and gaps alike being pieces, and encodes what remains.</summary>
    public static void Encode(
        ReadOnlySpan<char> text, ReadOnlySpan<UnicodePattern> patterns, IWordModel model, EncodeScratch scratch, List<int> output)
    {
        if (patterns.IsEmpty)
        {
            model.Encode(text, scratch, output);
            return;
        }

        var first = patterns[0];
        var rest = patterns[1..];
        var done = 0;
        var search = new PatternMatches(first, text, scratch.Patterns);
        while (search.MoveNext())
        {
            if (search.Start > done)
                Encode(text[done..search.Start], rest, model, scratch, output);
            if (search.End > search.Start)
                Encode(text[search.Start..search.End], rest, model, scratch, output);
            done = search.End;
        }

        if (done < text.Length)
            Encode(text[done..], rest, model, scratch, output);
    }

    /// <summary>Encodes a text without pre-tokenizer; by words where the model lets no token span two of them.</summary>
    public static void EncodeMetaspaced(ReadOnlySpan<char> text, IWordModel model, EncodeScratch scratch, List<int> output)
    {
        while (model.SplitsAtMetaspace && !text.IsEmpty)
        {
            // A word: its leading ▁s, then everything up to the next ▁.
            var spaces = text.IndexOfAnyExcept(Metaspace.Letter);
            var next = spaces < 0 ? -1 : text[spaces..].IndexOf(Metaspace.Letter);
            if (next < 0)
                break;
            model.Encode(text[..(spaces + next)], scratch, output);
            text = text[(spaces + next)..];
        }

        if (!text.IsEmpty)
            model.Encode(text, scratch, output);
    }
}
