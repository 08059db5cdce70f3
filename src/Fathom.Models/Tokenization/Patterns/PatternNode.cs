namespace Fathom.Models.Tokenization.Patterns;

/// <summary>Syntax tree of a pattern.</summary>
internal abstract record PatternNode
{
    /// <summary>One code point of a set.</summary>
    public sealed record One(UnicodeSet Set) : PatternNode;

    /// <summary>Parts one after the other; no parts match the empty text.</summary>
    public sealed record Sequence(IReadOnlyList<PatternNode> Parts) : PatternNode;

    /// <summary>The first branch that lets the whole match succeed.</summary>
    public sealed record Choice(IReadOnlyList<PatternNode> Branches) : PatternNode;

    /// <summary>Body from min to max times; max is null for any number.</summary>
    public sealed record Repeat(PatternNode Body, int Min, int? Max, RepeatKind Kind) : PatternNode;

    /// <summary>Looks ahead, or behind, without consuming.</summary>
    public sealed record Look(PatternNode Body, bool Behind, bool Negative) : PatternNode;

    /// <summary>Once matched, not tried another way.</summary>
    public sealed record Atomic(PatternNode Body) : PatternNode;

    /// <summary>A condition on a place in the text.</summary>
    public sealed record Anchor(AnchorKind Kind) : PatternNode;

    public static PatternNode Empty { get; } = new Sequence([]);

    /// <summary>Whether the node can match without consuming anything.</summary>
    public bool IsNullable => this switch
    {
        One => false,
        Sequence sequence => sequence.Parts.All(p => p.IsNullable),
        Choice choice => choice.Branches.Any(b => b.IsNullable),
        Repeat repeat => repeat.Min == 0 || repeat.Body.IsNullable,
        Atomic atomic => atomic.Body.IsNullable,
        _ => true,
    };

    /// <summary>Every code point that a match which consumes something can begin with (perhaps more).</summary>
    public UnicodeSet First => this switch
    {
        One one => one.Set,
        Sequence sequence => FirstOf(sequence.Parts),
        Choice choice => choice.Branches.Aggregate(UnicodeSet.Empty, (set, branch) => set.Union(branch.First)),
        Repeat { Max: 0 } => UnicodeSet.Empty,
        Repeat repeat => repeat.Body.First,
        Atomic atomic => atomic.Body.First,
        _ => UnicodeSet.Empty,
    };

    /// <summary>Code points that every match consumes, when that is one number.</summary>
    public int? FixedLength => this switch
    {
        One => 1,
        Sequence sequence => sequence.Parts.Aggregate((int?)0, (sum, part) => sum + part.FixedLength),
        Choice choice => choice.Branches.Select(b => b.FixedLength).Distinct().ToArray() is [var one] ? one : null,
        Repeat repeat => repeat.Max == repeat.Min ? repeat.Body.FixedLength * repeat.Min : null,
        Atomic atomic => atomic.Body.FixedLength,
        _ => 0,
    };

    private static UnicodeSet FirstOf(IReadOnlyList<PatternNode> parts)
    {
        var set = UnicodeSet.Empty;
        foreach (var part in parts)
        {
            set = set.Union(part.First);
            if (!part.IsNullable)
                break;
        }

        return set;
    }
}

/// <summary>How a repeat takes its turns.</summary>
internal enum RepeatKind
{
    /// <summary>As many as possible, fewer when the rest needs it.</summary>
    Greedy,

    /// <summary>As few as possible, more when the rest needs it.</summary>
    Lazy,

    /// <summary>As many as possible, never fewer.</summary>
    Possessive,
}

/// <summary>Places in a text.</summary>
internal enum AnchorKind
{
    /// <summary>^ as Oniguruma's Ruby syntax has it: start of the text or after a line feed.</summary>
    LineStart,

    /// <summary>$: end of the text or before a line feed.</summary>
    LineEnd,

    /// <summary>\A.</summary>
    TextStart,

    /// <summary>\z.</summary>
    TextEnd,

    /// <summary>\Z: end of the text or before a line feed that ends it.</summary>
    TextEndOrFinalLine,

    /// <summary>\b.</summary>
    WordBoundary,

    /// <summary>\B.</summary>
    NotWordBoundary,
}
