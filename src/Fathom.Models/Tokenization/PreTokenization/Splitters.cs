using System.Text;
using Fathom.Models.Tokenization.Patterns;

namespace Fathom.Models.Tokenization.PreTokenization;

/// <summary>What becomes of what a splitter matches.</summary>
internal enum DelimiterBehavior
{
    /// <summary>It vanishes.</summary>
    Removed,

    /// <summary>Each match is a piece.</summary>
    Isolated,

    /// <summary>It ends the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>It begins the piece behind it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring matches are one piece.</summary>
    Contiguous,
}

/// <summary>Cuts at the matches of a pattern.</summary>
/// <param name="pattern">What to look for.</param>
/// <param name="behavior">What becomes of the matches.</param>
/// <param name="invert">The gaps between matches count as the matches.</param>
internal sealed class PatternSplitter(UnicodePattern pattern, DelimiterBehavior behavior, bool invert = false) : PreTokenizer
{
    public override void Split(TextPiece piece, PieceFlow flow, int next)
    {
        var direct = behavior is DelimiterBehavior.Isolated or DelimiterBehavior.Removed;
        var segments = direct ? null : new List<Segment>();
        var matches = new PatternMatches(pattern, piece.Span, flow.Scratch.Patterns);
        var done = 0;
        while (matches.MoveNext())
        {
            if (matches.Start > done)
                Take(done, matches.Start, isMatch: invert);
            Take(matches.Start, matches.End, isMatch: !invert);
            done = matches.End;
        }

        if (done < piece.Length)
            Take(done, piece.Length, isMatch: invert);
        if (segments is null)
            return;
        foreach (var (start, end) in Merge(segments))
            flow.Forward(piece.Slice(start, end), next);

        void Take(int start, int end, bool isMatch)
        {
            if (segments is not null)
                segments.Add(new Segment(start, end, isMatch));
            else if (!isMatch || behavior == DelimiterBehavior.Isolated)
                flow.Forward(piece.Slice(start, end), next);
        }
    }

    private readonly record struct Segment(int Start, int End, bool IsMatch);

    private List<(int Start, int End)> Merge(List<Segment> segments)
    {
        // With the next is with the previous, seen from the end.
        var backwards = behavior == DelimiterBehavior.MergedWithNext;
        if (backwards)
            segments.Reverse();
        var merged = new List<(int Start, int End)>(segments.Count);
        var previousIsMatch = false;
        foreach (var segment in segments)
        {
            var joins = behavior == DelimiterBehavior.Contiguous
                ? segment.IsMatch == previousIsMatch
                : segment.IsMatch && !previousIsMatch;
            if (joins && merged.Count > 0)
                merged[^1] = backwards ? (segment.Start, merged[^1].End) : (merged[^1].Start, segment.End);
            else
                merged.Add((segment.Start, segment.End));
            previousIsMatch = segment.IsMatch;
        }

        if (backwards)
            merged.Reverse();
        return merged;
    }
}

/// <summary>Spells spaces as ▁ (or another letter), puts one in front, and perhaps cuts before each.</summary>
internal sealed class MetaspaceSplitter : PreTokenizer
{
    private readonly string _letter;
    private readonly PrependScheme _prepend;
    private readonly PatternSplitter? _splitter;

    public MetaspaceSplitter(Rune letter, PrependScheme prepend, bool split)
    {
        _letter = letter.ToString();
        _prepend = prepend;
        _splitter = split ? new PatternSplitter(UnicodePattern.Literal(_letter), DelimiterBehavior.MergedWithNext) : null;
    }

    public override void Split(TextPiece piece, PieceFlow flow, int next)
    {
        var text = piece.Span.ToString().Replace(" ", _letter, StringComparison.Ordinal);
        var prepends = _prepend == PrependScheme.Always || (_prepend == PrependScheme.First && piece.AtStart);
        if (prepends && !text.StartsWith(_letter, StringComparison.Ordinal))
            text = _letter + text;
        if (_splitter is null)
            flow.Forward(piece.With(text), next);
        else
            _splitter.Split(piece.With(text), flow, next);
    }
}

/// <summary>Where a space is put in front.</summary>
internal enum PrependScheme
{
    /// <summary>Before every piece that does not begin with one.</summary>
    Always,

    /// <summary>Only at the start of the whole text.</summary>
    First,

    /// <summary>Nowhere.</summary>
    Never,
}

/// <summary>GPT-2's words, and perhaps a space in front. The model, or a <see cref="ByteLetterSplitter"/>, takes the bytes.</summary>
internal sealed class ByteLevelSplitter(bool addPrefixSpace, PatternSplitter? words) : PreTokenizer
{
    public override void Split(TextPiece piece, PieceFlow flow, int next)
    {
        if (addPrefixSpace && piece.Span[0] != ' ')
            piece = piece.With($" {piece.Span}");
        if (words is null)
            flow.Forward(piece, next);
        else
            words.Split(piece, flow, next);
    }
}

/// <summary>Spells the bytes of a piece with GPT-2's letters.</summary>
internal sealed class ByteLetterSplitter : PreTokenizer
{
    public override void Split(TextPiece piece, PieceFlow flow, int next) => flow.Forward(piece.With(ByteAlphabet.Spell(piece.Span)), next);
}
