using System.Text;

namespace Fathom.Models.Tokenization.Patterns;

/// <summary>Places to go back to while matching. One for a thread; keeps its memory between matches.</summary>
internal sealed class PatternStack
{
    private const int FramesMax = 1 << 22;
    private Frame[] _frames = new Frame[64];

    public int Count { get; private set; }

    /// <summary>Code points looked at and retreats that remain before the pattern counts as hostile.</summary>
    public long StepsLeft { get; private set; }

    /// <summary>Grants the steps for one text, over all patterns and matches. Known tokenizers need some twenty for a character.</summary>
    public void Refill(int textChars)
    {
        Count = 0;
        StepsLeft = 10_000_000 + 512L * textChars;
    }

    /// <exception cref="EffortException">None are left.</exception>
    public void Spend(int steps)
    {
        StepsLeft -= steps;
        if (StepsLeft < 0)
            throw new EffortException("a pattern backtracks without end on this text");
    }

    public void Push(int pc, int position, int retreatTo = -1)
    {
        if (Count == _frames.Length)
        {
            if (Count >= FramesMax)
                throw new EffortException("a pattern backtracks without end on this text");
            Array.Resize(ref _frames, _frames.Length * 2);
        }

        _frames[Count++] = new Frame(pc, position, retreatTo);
    }

    public Frame Pop() => _frames[--Count];

    public void CutTo(int count) => Count = count;

    /// <summary>Try again at pc from position; when retreatTo is not negative, from each earlier position down to it, too.</summary>
    public readonly record struct Frame(int Pc, int Position, int RetreatTo);
}

/// <summary>One attempt of one branch at one place.</summary>
internal readonly ref struct PatternRun
{
    private readonly ReadOnlySpan<char> _text;
    private readonly PatternInstruction[] _code;
    private readonly PatternStack _stack;

    public PatternRun(ReadOnlySpan<char> text, PatternInstruction[] code, PatternStack stack)
    {
        _text = text;
        _code = code;
        _stack = stack;
    }

    /// <summary>End of the match that begins at a position, or -1.</summary>
    public int Match(int position)
    {
        _stack.Spend(1);
        return Match(0, position);
    }

    private int Match(int pc, int position)
    {
        var floor = _stack.Count;
        var code = _code;
        while (true)
        {
            ref readonly var op = ref code[pc];
            var ok = true;
            switch (op.Op)
            {
                case PatternOp.Accept:
                    _stack.CutTo(floor);
                    return position;
                case PatternOp.One:
                    ok = TryStep(op, ref position);
                    pc++;
                    break;
                case PatternOp.Run:
                    ok = TryRun(op, ref position, out _);
                    pc++;
                    break;
                case PatternOp.RunWithRetreat:
                    ok = TryRun(op, ref position, out var least);
                    pc++;
                    if (ok && position > least)
                        _stack.Push(pc, position, least);
                    break;
                case PatternOp.Fork:
                    _stack.Push(op.Other, position);
                    pc = op.Target;
                    break;
                case PatternOp.Jump:
                    pc = op.Target;
                    break;
                case PatternOp.Anchor:
                    ok = Holds((AnchorKind)op.Min, position);
                    pc++;
                    break;
                case PatternOp.LookAhead:
                    ok = (Match(pc + 1, position) >= 0) == (op.Max == 0);
                    pc = op.Target;
                    break;
                case PatternOp.LookBehind:
                    ok = (TryBack(op.Min, position, out var from) && Match(pc + 1, from) == position) == (op.Max == 0);
                    pc = op.Target;
                    break;
                case PatternOp.Atomic:
                    var end = Match(pc + 1, position);
                    ok = end >= 0;
                    position = end;
                    pc = op.Target;
                    break;
            }

            if (ok)
                continue;
            if (_stack.Count == floor)
                return -1;
            _stack.Spend(1);
            var frame = _stack.Pop();
            pc = frame.Pc;
            position = frame.Position;
            if (frame.RetreatTo >= 0)
            {
                position = Retreat(code[pc], position, frame.RetreatTo);
                if (position > frame.RetreatTo)
                    _stack.Push(pc, position, frame.RetreatTo);
            }
        }
    }

    /// <summary>One code point back; straight to the last line feed when only a line's end can follow.</summary>
    private int Retreat(in PatternInstruction next, int position, int least)
    {
        position -= position >= 2 && char.IsLowSurrogate(_text[position - 1]) && char.IsHighSurrogate(_text[position - 2]) ? 2 : 1;
        if (next.Op == PatternOp.Anchor && (AnchorKind)next.Min is AnchorKind.LineEnd or AnchorKind.TextEndOrFinalLine or AnchorKind.TextEnd)
        {
            var feed = _text[least..(position + 1)].LastIndexOf('\n');
            position = least + Math.Max(feed, 0);
        }

        return position;
    }

    private bool TryStep(in PatternInstruction op, ref int position)
    {
        if ((uint)position >= (uint)_text.Length)
            return false;
        var c = _text[position];
        if (char.IsHighSurrogate(c) && position + 1 < _text.Length)
        {
            if (!op.Set!.Contains(char.ConvertToUtf32(c, _text[position + 1])))
                return false;
            position += 2;
            return true;
        }

        if ((op.Bits![c >> 6] >> (c & 63) & 1) == 0)
            return false;
        position++;
        return true;
    }

    private bool TryRun(in PatternInstruction op, ref int position, out int least)
    {
        var bits = op.Bits!;
        var at = position;
        var count = 0;
        least = op.Min == 0 ? position : -1;
        while (count < op.Max && (uint)at < (uint)_text.Length)
        {
            var c = _text[at];
            if (char.IsHighSurrogate(c) && at + 1 < _text.Length)
            {
                if (!op.Set!.Contains(char.ConvertToUtf32(c, _text[at + 1])))
                    break;
                at += 2;
            }
            else
            {
                if ((bits[c >> 6] >> (c & 63) & 1) == 0)
                    break;
                at++;
            }

            if (++count == op.Min)
                least = at;
        }

        _stack.Spend(count);
        if (count < op.Min)
            return false;
        position = at;
        return true;
    }

    private bool TryBack(int codePoints, int position, out int from)
    {
        from = position;
        for (; codePoints > 0; codePoints--)
        {
            if (from == 0)
                return false;
            from -= from >= 2 && char.IsLowSurrogate(_text[from - 1]) && char.IsHighSurrogate(_text[from - 2]) ? 2 : 1;
        }

        return true;
    }

    private bool Holds(AnchorKind kind, int position) => kind switch
    {
        AnchorKind.TextStart => position == 0,
        AnchorKind.LineStart => position == 0 || (_text[position - 1] == '\n' && position < _text.Length),
        AnchorKind.TextEnd => position == _text.Length,
        AnchorKind.LineEnd => position == _text.Length || _text[position] == '\n',
        AnchorKind.TextEndOrFinalLine => position == _text.Length || (position == _text.Length - 1 && _text[position] == '\n'),
        AnchorKind.WordBoundary => IsWordBefore(position) != IsWordAt(position),
        _ => IsWordBefore(position) == IsWordAt(position),
    };

    private bool IsWordAt(int position)
    {
        Rune.DecodeFromUtf16(_text[position..], out var rune, out var units);
        return units > 0 && UnicodeProperties.OnigurumaWord.Contains(rune.Value);
    }

    private bool IsWordBefore(int position) =>
        TryBack(1, position, out var from) && IsWordAt(from);
}
