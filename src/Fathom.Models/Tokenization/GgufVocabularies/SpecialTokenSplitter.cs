namespace Fathom.Models.Tokenization.GgufVocabularies;

/// <summary>A part of a text: a special token, or text between special tokens.</summary>
internal readonly record struct TextFragment(int Start, int Length, int? Token);

/// <summary>Finds special tokens in a text: the longest spelling anywhere first, each spelling from the left.</summary>
internal sealed class SpecialTokenSplitter
{
    private readonly PrefixIndex _index;
    private readonly Entry[] _entries;

    /// <param name="entries">Tokens to find.</param>
    public SpecialTokenSplitter(IEnumerable<Entry> entries)
    {
        _entries = [.. entries.OrderByDescending(e => System.Text.Encoding.UTF8.GetByteCount(e.Text)).ThenBy(e => e.Id)];
        _index = new PrefixIndex(_entries.Select((e, order) => KeyValuePair.Create(e.Text, order)));
    }

    /// <summary>A token to find, and whether it takes the white space before and after it along.</summary>
    public readonly record struct Entry(string Text, int Id, bool TakesSpaceBefore = false, bool TakesSpaceAfter = false);

    private readonly record struct Occurrence(int Order, int Start);

    /// <summary>Cuts a text; the fragments are in order and none is empty.</summary>
    public List<TextFragment> Split(ReadOnlySpan<char> text)
    {
        var fragments = new List<TextFragment>();
        var taken = Take(text);
        var at = 0;
        foreach (var (start, end, id) in taken)
        {
            if (start > at)
                fragments.Add(new TextFragment(at, start - at, null));
            fragments.Add(new TextFragment(start, end - start, id));
            at = end;
        }

        if (at < text.Length)
            fragments.Add(new TextFragment(at, text.Length - at, null));
        return fragments;
    }

    private List<(int Start, int End, int Id)> Take(ReadOnlySpan<char> text)
    {
        var occurrences = Occurrences(text);
        var taken = new List<(int Start, int End, int Id)>();
        if (occurrences.Count == 0)
            return taken;
        occurrences.Sort(static (a, b) => a.Order != b.Order ? a.Order.CompareTo(b.Order) : a.Start.CompareTo(b.Start));
        var isTaken = new bool[text.Length];
        foreach (var (order, start) in occurrences)
        {
            var entry = _entries[order];
            var (from, end) = (start, start + entry.Text.Length);
            if (isTaken.AsSpan(from..end).Contains(true))
                continue;
            while (entry.TakesSpaceBefore && from > 0 && !isTaken[from - 1] && IsSpace(text[from - 1]))
                from--;
            while (entry.TakesSpaceAfter && end < text.Length && !isTaken[end] && IsSpace(text[end]))
                end++;
            isTaken.AsSpan(from..end).Fill(true);
            taken.Add((from, end, entry.Id));
        }

        taken.Sort();
        return taken;
    }

    private List<Occurrence> Occurrences(ReadOnlySpan<char> text)
    {
        var occurrences = new List<Occurrence>();
        if (_index.IsEmpty)
            return occurrences;
        for (var at = _index.NextCandidate(text, 0); at >= 0; at = _index.NextCandidate(text, at + 1))
        {
            var walk = _index.At(text, at);
            while (walk.MoveNext())
                occurrences.Add(new Occurrence(walk.Value, at));
        }

        return occurrences;
    }

    /// <summary>White space as C's isspace has it.</summary>
    private static bool IsSpace(char c) => c is ' ' or (>= '\t' and <= '\r');
}
