namespace Fathom.Models.Tokenization.Patterns;

/// <summary>All matches of a pattern in a text, from left to right. An empty match right behind another match does not count.</summary>
internal ref struct PatternMatches
{
    private readonly UnicodePattern _pattern;
    private readonly ReadOnlySpan<char> _text;
    private readonly PatternStack _stack;
    private int _from;
    private int _lastEnd;

    public PatternMatches(UnicodePattern pattern, ReadOnlySpan<char> text, PatternStack stack)
    {
        _pattern = pattern;
        _text = text;
        _stack = stack;
        _lastEnd = -1;
    }

    public int Start { get; private set; }

    public int End { get; private set; }

    public bool MoveNext()
    {
        while (_from <= _text.Length)
        {
            if (!_pattern.TryFind(_text, _from, _stack, out var start, out var end))
            {
                _from = _text.Length + 1;
                return false;
            }

            if (start == end && end == _lastEnd)
            {
                _from = end + (end + 1 < _text.Length && char.IsHighSurrogate(_text[end]) ? 2 : 1);
                continue;
            }

            _from = _lastEnd = end;
            (Start, End) = (start, end);
            return true;
        }

        return false;
    }
}
