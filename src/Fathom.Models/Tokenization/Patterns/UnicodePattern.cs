using System.Numerics;

namespace Fathom.Models.Tokenization.Patterns;

/// <summary>A pattern over code points, matched by backtracking as Oniguruma does: the first branch that works, longest runs first.</summary>
/// <remarks>
/// .NET's Regex sees UTF-16 units, so its \p{L} knows no letter above U+FFFF; this one reads pairs of surrogates as the code
/// point they are. Immutable and safe to share. Text must be well-formed UTF-16.
/// </remarks>
internal sealed class UnicodePattern
{
    private const int BranchesForMask = 64;
    private readonly PatternInstruction[][] _branches;
    private readonly UnicodeSet?[] _firsts;
    private readonly ulong[]? _asciiBranches;
    private readonly UnicodeSet? _first;
    private readonly ulong[]? _leadingRun;

    private UnicodePattern(string source, PatternNode node)
    {
        Source = source;
        var branches = node is PatternNode.Choice choice ? choice.Branches : [node];
        _branches = [.. branches.Select(PatternCompiler.Compile)];
        // A branch that can be empty may start anywhere: no first set for it.
        _firsts = [.. branches.Select(b => b.IsNullable ? null : b.First)];
        _first = node.IsNullable ? null : node.First;
        if (branches.Count <= BranchesForMask)
            _asciiBranches = MaskAscii();

        // Where a run of a set leads the only branch and fails, a start further inside the run fails too.
        if (_branches is [var only] && only[0] is { Op: PatternOp.Run or PatternOp.RunWithRetreat, Max: int.MaxValue, Min: <= 1 } run)
            _leadingRun = run.Bits;
    }

    /// <summary>The pattern as it was written.</summary>
    public string Source { get; }

    /// <exception cref="PatternSyntaxException">The pattern is malformed or uses what is not supported.</exception>
    public static UnicodePattern Parse(string pattern) => new(pattern, PatternParser.Parse(pattern));

    /// <summary>A pattern that matches exactly this text, which must not be empty.</summary>
    public static UnicodePattern Literal(string text) =>
        new(text, new PatternNode.Sequence([.. text.EnumerateRunes().Select(r => new PatternNode.One(UnicodeSet.Of(r.Value)))]));

    /// <summary>Finds the leftmost match at or after a position.</summary>
    /// <param name="text">Where to look; anchors and look-around end at its ends.</param>
    /// <param name="from">First position to try, in UTF-16 units.</param>
    /// <param name="stack">Scratch of the calling thread.</param>
    /// <param name="start">Where the match begins.</param>
    /// <param name="end">Where it ends; equal to start for an empty match.</param>
    /// <exception cref="EffortException">The pattern backtracks without end on this text.</exception>
    public bool TryFind(ReadOnlySpan<char> text, int from, PatternStack stack, out int start, out int end)
    {
        for (start = from; start < text.Length;)
        {
            var c = text[start];
            if (_asciiBranches is { } masks && c < 0x80)
            {
                for (var mask = masks[c]; mask != 0; mask &= mask - 1)
                {
                    end = new PatternRun(text, _branches[BitOperations.TrailingZeroCount(mask)], stack).Match(start);
                    if (end >= 0)
                        return true;
                }
            }
            else if (_first is null || Contains(_first, text, start))
            {
                for (var i = 0; i < _branches.Length; i++)
                {
                    if (_firsts[i] is { } first && !Contains(first, text, start))
                        continue;
                    end = new PatternRun(text, _branches[i], stack).Match(start);
                    if (end >= 0)
                        return true;
                }
            }

            start = SkipFailed(text, start);
        }

        // At the very end only an empty match can stand.
        if (_first is null && start == text.Length)
        {
            for (var i = 0; i < _branches.Length; i++)
            {
                end = new PatternRun(text, _branches[i], stack).Match(start);
                if (end >= 0)
                    return true;
            }
        }

        start = end = -1;
        return false;
    }

    private int SkipFailed(ReadOnlySpan<char> text, int start)
    {
        var next = start + Width(text, start);
        if (_leadingRun is not { } bits || !IsIn(bits, text[start]))
            return next;
        while (next < text.Length && IsIn(bits, text[next]))
            next++;
        return next;

        // Up to the next pair only: a unit of one says nothing about the set.
        static bool IsIn(ulong[] bits, char c) => !char.IsSurrogate(c) && (bits[c >> 6] >> (c & 63) & 1) != 0;
    }

    private static int Width(ReadOnlySpan<char> text, int at) => char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? 2 : 1;

    private static bool Contains(UnicodeSet set, ReadOnlySpan<char> text, int at)
    {
        var c = text[at];
        if (char.IsHighSurrogate(c) && at + 1 < text.Length)
            return set.Contains(char.ConvertToUtf32(c, text[at + 1]));
        return (set.Bmp[c >> 6] >> (c & 63) & 1) != 0;
    }

    private ulong[] MaskAscii()
    {
        var masks = new ulong[0x80];
        for (var c = 0; c < masks.Length; c++)
        {
            for (var i = 0; i < _branches.Length; i++)
            {
                if (_firsts[i] is not { } first || first.Contains(c))
                    masks[c] |= 1UL << i;
            }
        }

        return masks;
    }
}
