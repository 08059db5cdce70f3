using System.Globalization;
using System.Text;

namespace Fathom.Models.Tokenization.Patterns;

/// <summary>Reads the part of Oniguruma's syntax (its Ruby flavour, what tokenizer.json is written in) that tokenizers use.</summary>
internal sealed class PatternParser
{
    private const int CharsMax = 16 * 1024;
    private const int NestingMax = 64;
    private const int RepeatMax = 1000;
    private const int RepeatsInARowMax = 8;
    private const int CaseVariantsMax = 4 * 0x110000;

    private readonly int[] _runes;
    private int _at;
    private int _nesting;
    private bool _ignoreCase;
    private bool _dotAll;
    private int _caseVariantsTried;

    private PatternParser(string pattern) => _runes = [.. pattern.EnumerateRunes().Select(r => r.Value)];

    /// <exception cref="PatternSyntaxException">The pattern is malformed or uses what is not supported.</exception>
    public static PatternNode Parse(string pattern)
    {
        if (pattern.Length > CharsMax)
            throw new PatternSyntaxException($"pattern of {pattern.Length} characters is longer than {CharsMax}");
        var parser = new PatternParser(pattern);
        var node = parser.ParseChoice();
        if (parser._at < parser._runes.Length)
            throw parser.Bad("unmatched ')'");
        return node;
    }

    private bool AtEnd => _at >= _runes.Length;

    private int Peek(int ahead = 0) => _at + ahead < _runes.Length ? _runes[_at + ahead] : -1;

    private PatternSyntaxException Bad(string problem) => new($"{problem} at position {_at} of the pattern");

    private bool Take(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (Peek(i) != text[i])
                return false;
        }

        _at += text.Length;
        return true;
    }

    private PatternNode ParseChoice()
    {
        if (++_nesting > NestingMax)
            throw Bad($"more than {NestingMax} groups inside one another");
        // Flags such as (?i) hold to the end of the group they stand in.
        var (ignoreCase, dotAll) = (_ignoreCase, _dotAll);
        List<PatternNode> branches = [ParseSequence()];
        while (Take("|"))
            branches.Add(ParseSequence());
        (_ignoreCase, _dotAll) = (ignoreCase, dotAll);
        _nesting--;
        return branches.Count == 1 ? branches[0] : new PatternNode.Choice(branches);
    }

    private PatternNode ParseSequence()
    {
        var parts = new List<PatternNode>();
        while (!AtEnd && Peek() is not ('|' or ')'))
        {
            if (ParseAtom() is { } atom)
                parts.Add(ParseRepeats(atom));
        }

        return parts.Count == 1 ? parts[0] : new PatternNode.Sequence(parts);
    }

    private PatternNode ParseRepeats(PatternNode atom)
    {
        for (var inARow = 0; ; inARow++)
        {
            int min;
            int? max;
            var interval = false;
            if (Take("*"))
                (min, max) = (0, null);
            else if (Take("+"))
                (min, max) = (1, null);
            else if (Take("?"))
                (min, max) = (0, 1);
            else if (Peek() == '{' && TryParseInterval(out min, out max))
                interval = true;
            else
                return atom;
            if (inARow == RepeatsInARowMax)
                throw Bad($"more than {RepeatsInARowMax} repeats in a row");
            if (atom is PatternNode.Look or PatternNode.Anchor)
                throw Bad("repeat of something that consumes nothing");
            if (max is null && atom.IsNullable)
                throw Bad("endless repeat of something that can be empty");

            // In Ruby syntax a plus after an interval repeats the interval; it is not possessive there.
            var kind = Take("?") ? RepeatKind.Lazy : !interval && Take("+") ? RepeatKind.Possessive : RepeatKind.Greedy;
            atom = new PatternNode.Repeat(atom, min, max, kind);
        }
    }

    /// <summary>{n}, {n,}, {,m} or {n,m}; anything else leaves the brace to be a letter.</summary>
    private bool TryParseInterval(out int min, out int? max)
    {
        var start = _at++;
        var low = ParseNumber();
        var comma = Take(",");
        var high = comma ? ParseNumber() : low;
        (min, max) = (low ?? 0, high);
        if ((low is null && high is null) || !Take("}"))
        {
            _at = start;
            return false;
        }

        if (min > RepeatMax || max > RepeatMax || max < min)
            throw Bad($"repeat of {min} to {max?.ToString(CultureInfo.InvariantCulture) ?? "any"} is out of order or above {RepeatMax}");
        return true;
    }

    private int? ParseNumber()
    {
        int? value = null;
        while (Peek() is >= '0' and <= '9' and var digit)
        {
            value = Math.Min((value ?? 0) * 10 + (digit - '0'), 1_000_000);
            _at++;
        }

        return value;
    }

    private PatternNode? ParseAtom()
    {
        var rune = _runes[_at++];
        switch (rune)
        {
            case '(':
                return ParseGroup();
            case '[':
                return new PatternNode.One(CharacterClass());
            case '.':
                return new PatternNode.One(_dotAll ? UnicodeSet.All : UnicodeSet.Of('\n').Complement());
            case '^':
                return new PatternNode.Anchor(AnchorKind.LineStart);
            case '$':
                return new PatternNode.Anchor(AnchorKind.LineEnd);
            case '*' or '+' or '?':
                throw Bad("nothing to repeat");
            case '\\':
                return ParseEscape();
            default:
                return new PatternNode.One(Letter(rune));
        }
    }

    private PatternNode? ParseGroup()
    {
        if (!Take("?"))
            return CloseGroup(ParseChoice());
        if (Take(":"))
            return CloseGroup(ParseChoice());
        if (Take("="))
            return new PatternNode.Look(CloseGroup(ParseChoice()), Behind: false, Negative: false);
        if (Take("!"))
            return new PatternNode.Look(CloseGroup(ParseChoice()), Behind: false, Negative: true);
        if (Take(">"))
            return new PatternNode.Atomic(CloseGroup(ParseChoice()));
        if (Take("<="))
            return LookBehind(negative: false);
        if (Take("<!"))
            return LookBehind(negative: true);

        var on = true;
        var (ignoreCase, dotAll) = (_ignoreCase, _dotAll);
        while (!AtEnd && Peek() is not (')' or ':'))
        {
            switch (_runes[_at++])
            {
                case '-': on = false; break;
                case 'i': ignoreCase = on; break;
                case 'm' or 's': dotAll = on; break;
                default: throw Bad("unknown kind of group");
            }
        }

        if (Take(")"))
        {
            (_ignoreCase, _dotAll) = (ignoreCase, dotAll);
            return null;
        }

        var outer = (_ignoreCase, _dotAll);
        (_ignoreCase, _dotAll) = (ignoreCase, dotAll);
        if (!Take(":"))
            throw Bad("unclosed group");
        var node = CloseGroup(ParseChoice());
        (_ignoreCase, _dotAll) = outer;
        return node;
    }

    private PatternNode CloseGroup(PatternNode node) => Take(")") ? node : throw Bad("unclosed group");

    private PatternNode.Look LookBehind(bool negative)
    {
        var body = CloseGroup(ParseChoice());
        if (body.FixedLength is null)
            throw Bad("look-behind of varying length is not supported");
        return new PatternNode.Look(body, Behind: true, negative);
    }

    private PatternNode ParseEscape()
    {
        AnchorKind? anchor = Peek() switch
        {
            'A' => AnchorKind.TextStart,
            'z' => AnchorKind.TextEnd,
            'Z' => AnchorKind.TextEndOrFinalLine,
            'b' => AnchorKind.WordBoundary,
            'B' => AnchorKind.NotWordBoundary,
            _ => null,
        };
        if (anchor is { } kind)
        {
            _at++;
            return new PatternNode.Anchor(kind);
        }

        if (Peek() is >= '1' and <= '9' or 'k' or 'g')
            throw Bad("references to groups are not supported");
        var set = EscapedSet(out var letter);
        return new PatternNode.One(set ?? Letter(letter));
    }

    /// <summary>What follows a backslash: a set, or (null) one code point.</summary>
    private UnicodeSet? EscapedSet(out int letter)
    {
        letter = -1;
        if (AtEnd)
            throw Bad("backslash at the end");
        var rune = _runes[_at++];
        switch (rune)
        {
            case 's': return UnicodeProperties.WhiteSpace;
            case 'S': return UnicodeProperties.WhiteSpace.Complement();
            case 'd': return UnicodeProperties.Named("Nd");
            case 'D': return UnicodeProperties.Named("Nd").Complement();
            case 'w': return UnicodeProperties.OnigurumaWord;
            case 'W': return UnicodeProperties.OnigurumaWord.Complement();
            case 'h': return UnicodeSet.Ranges('0', '9', 'A', 'F', 'a', 'f');
            case 'H': return UnicodeSet.Ranges('0', '9', 'A', 'F', 'a', 'f').Complement();
            case 'p': return Property(negated: false);
            case 'P': return Property(negated: true);
            case 't': letter = '\t'; return null;
            case 'n': letter = '\n'; return null;
            case 'r': letter = '\r'; return null;
            case 'f': letter = '\f'; return null;
            case 'v': letter = '\v'; return null;
            case 'a': letter = '\a'; return null;
            case 'e': letter = '\e'; return null;
            case '0': letter = 0; return null;
            case 'x': letter = Peek() == '{' ? BracedHexadecimal() : Hexadecimal(2, 1); return null;
            case 'u': letter = Hexadecimal(4, 4); return null;
            default:
                if (rune < 0x80 && char.IsAsciiLetterOrDigit((char)rune))
                    throw Bad($"escape \\{(char)rune} is not supported");
                letter = rune;
                return null;
        }
    }

    private int BracedHexadecimal()
    {
        _at++;
        var value = Hexadecimal(8, 1);
        return Take("}") ? value : throw Bad("unclosed \\x{");
    }

    private int Hexadecimal(int digitsMax, int digitsMin)
    {
        var value = 0L;
        var digits = 0;
        while (digits < digitsMax && Peek() is >= 0 and < 0x80 and var c && char.IsAsciiHexDigit((char)c))
        {
            value = value * 16 + int.Parse([(char)c], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            digits++;
            _at++;
        }

        if (digits < digitsMin || value > 0x10FFFF)
            throw Bad("bad hexadecimal code point");
        return (int)value;
    }

    private UnicodeSet Property(bool negated)
    {
        string name;
        if (Take("{"))
        {
            negated ^= Take("^");
            var start = _at;
            while (!AtEnd && Peek() != '}')
                _at++;
            name = Text(start, _at);
            if (!Take("}"))
                throw Bad("unclosed \\p{");
        }
        else if (!AtEnd)
        {
            name = Text(_at, _at + 1);
            _at++;
        }
        else
        {
            throw Bad("\\p without a property");
        }

        if (!UnicodeProperties.TryGet(name, out var set))
            throw Bad($"unknown Unicode property '{name}'");
        return negated ? set.Complement() : set;
    }

    private string Text(int start, int end)
    {
        var text = new StringBuilder();
        for (var i = start; i < end; i++)
            text.Append(new Rune(_runes[i]).ToString());
        return text.ToString();
    }

    /// <summary>After its '[': ranges, escapes, nested classes, [:posix:] names and &amp;&amp; (intersection).</summary>
    private UnicodeSet CharacterClass()
    {
        if (++_nesting > NestingMax)
            throw Bad($"more than {NestingMax} classes inside one another");
        var negated = Take("^");
        var result = (UnicodeSet?)null;
        var set = UnicodeSet.Empty;
        var first = true;
        while (true)
        {
            if (AtEnd)
                throw Bad("unclosed character class");
            if (Peek() == ']' && !first)
                break;
            first = false;
            if (Take("&&"))
            {
                result = result is null ? set : result.Intersect(set);
                set = UnicodeSet.Empty;
                continue;
            }

            set = set.Union(ClassItem());
        }

        _at++;
        _nesting--;
        result = result is null ? set : result.Intersect(set);
        return negated ? result.Complement() : result;
    }

    private UnicodeSet ClassItem()
    {
        if (Take("[:"))
            return PosixClass();
        if (Take("["))
            return CharacterClass();
        if (ClassLetter(out var low) is { } set)
            return set;
        if (Peek() != '-' || Peek(1) is ']' or -1 || (Peek(1) == '&' && Peek(2) == '&') || Peek(1) == '[')
            return Letter(low);
        _at++;
        var mark = _at;
        if (ClassLetter(out var high) is not null)
        {
            // [a-\s]: the dash is a letter, as in Oniguruma.
            _at = mark;
            return Letter(low).Union(UnicodeSet.Of('-'));
        }

        if (high < low)
            throw Bad("range in a character class runs backwards");
        var range = UnicodeSet.Range(low, high);
        if (!_ignoreCase)
            return range;
        _caseVariantsTried += high - low;
        if (_caseVariantsTried > CaseVariantsMax)
            throw Bad("too many ranges that ignore case");
        return CaseVariants.Of(range);
    }

    private UnicodeSet? ClassLetter(out int letter)
    {
        letter = _runes[_at++];
        if (letter != '\\')
            return null;
        if (Peek() == 'b')
        {
            _at++;
            letter = '\b';
            return null;
        }

        // Inside a class Oniguruma's \w lacks the six numbers of Latin-1 that it has outside.
        if (Take("w"))
            return UnicodeProperties.Named("Word");
        return Take("W") ? UnicodeProperties.Named("Word").Complement() : EscapedSet(out letter);
    }

    private UnicodeSet PosixClass()
    {
        var negated = Take("^");
        var start = _at;
        while (!AtEnd && Peek() != ':')
            _at++;
        var name = Text(start, _at);
        if (!Take(":]"))
            throw Bad("unclosed [: in a character class");
        var set = name switch
        {
            "xdigit" => UnicodeSet.Ranges('0', '9', 'A', 'F', 'a', 'f'),
            "blank" => UnicodeProperties.Named("Zs").Union(UnicodeSet.Of('\t')),
            "cntrl" => UnicodeProperties.Named("Cc"),
            "word" => UnicodeProperties.OnigurumaWord,
            "digit" or "space" or "punct" or "ascii" => UnicodeProperties.Named(name),
            _ => throw Bad($"class [:{name}:] is not supported"),
        };
        return negated ? set.Complement() : set;
    }

    private UnicodeSet Letter(int rune)
    {
        var set = UnicodeSet.Of(rune);
        return _ignoreCase ? CaseVariants.Of(set) : set;
    }
}
