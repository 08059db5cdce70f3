using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Lexing;

/// <summary>
/// Cuts a template into tokens as Jinja's lexer does with <c>trim_blocks</c> and <c>lstrip_blocks</c> on and
/// <c>keep_trailing_newline</c> off: line ends become LF, one final line end is dropped, a block tag takes the line end after
/// it and the blanks of its line before it, and - or + beside a delimiter strip more or keep all.
/// </summary>
internal sealed class TemplateLexer
{
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _position;
    private int _line = 1;
    private int _countedTo;

    // The last tag ended with its line, so blanks before the next tag start a line.
    private bool _atLineStart = true;

    private TemplateLexer(string source)
    {
        source = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        _source = source.EndsWith('\n') ? source[..^1] : source;
    }

    /// <exception cref="ChatTemplateException">Something is not a token, or a tag does not end.</exception>
    public static List<Token> Tokenize(string source)
    {
        var lexer = new TemplateLexer(source);
        while (lexer._position < lexer._source.Length)
            lexer.ReadTextAndTag();
        lexer.Add(TokenKind.EndOfTemplate, "", lexer._position);
        return lexer._tokens;
    }

    private void ReadTextAndTag()
    {
        var tag = _position;
        while (tag >= 0 && !IsTagStart(tag))
            tag = _source.IndexOf('{', tag + 1);
        if (tag < 0)
        {
            Add(TokenKind.Data, _source[_position..], _position);
            _position = _source.Length;
            return;
        }
        var isVariable = _source[tag + 1] == '{';
        var afterSign = tag + 2;
        var sign = SignAt(afterSign);
        if (sign != '\0')
            afterSign++;
        AddText(_source[_position..tag], sign, isVariable);
        _position = tag;
        switch (_source[tag + 1])
        {
            case '#':
                SkipComment(afterSign);
                break;
            case '{':
                Add(TokenKind.VariableBegin, "", tag);
                ReadCode(afterSign, isVariable: true);
                break;
            default:
                if (!TryReadRaw(afterSign))
                {
                    Add(TokenKind.BlockBegin, "", tag);
                    ReadCode(afterSign, isVariable: false);
                }
                break;
        }
    }

    private bool IsTagStart(int at) =>
        at + 1 < _source.Length && _source[at] == '{' && _source[at + 1] is '{' or '%' or '#';

    private char SignAt(int at) => at < _source.Length && _source[at] is '-' or '+' ? _source[at] : '\0';

    private void AddText(string text, char sign, bool isVariable)
    {
        var start = _position;
        if (sign == '-')
        {
            var end = text.Length;
            while (end > 0 && CodePointText.IsSpace(text[end - 1]))
                end--;
            text = text[..end];
        }
        else if (sign != '+' && !isVariable)
        {
            var lineStart = text.LastIndexOf('\n') + 1;
            if ((lineStart > 0 || _atLineStart) && IsBlank(text.AsSpan(lineStart)))
                text = text[..lineStart];
        }
        if (text.Length > 0)
            Add(TokenKind.Data, text, start);
        _atLineStart = false;
    }

    private void SkipComment(int start)
    {
        var end = _source.IndexOf("#}", start, StringComparison.Ordinal);
        if (end < 0)
            throw Fail("Missing end of comment tag", _position);
        var sign = end > start ? SignAt(end - 1) : '\0';
        _position = end + 2;
        FinishTag(sign, takesLineEnd: true);
    }

    // After a tag's last delimiter: "-" takes all white space, nothing takes one line end, "+" takes nothing.
    private void FinishTag(char sign, bool takesLineEnd)
    {
        var end = _position;
        if (sign == '-')
        {
            while (_position < _source.Length && CodePointText.IsSpace(_source[_position]))
                _position++;
        }
        else if (sign == '\0' && takesLineEnd && _position < _source.Length && _source[_position] == '\n')
        {
            _position++;
        }
        _atLineStart = _position > end && _source[_position - 1] == '\n';
    }

    private bool TryReadRaw(int afterSign)
    {
        var body = SkipRawTag(afterSign, "raw", out var sign);
        if (body < 0)
            return false;
        var opening = _position;
        _position = body;
        if (sign == '-')
            FinishTag('-', takesLineEnd: false);
        else
            _atLineStart = false;
        for (var tag = _source.IndexOf("{%", _position, StringComparison.Ordinal); tag >= 0;
            tag = _source.IndexOf("{%", tag + 1, StringComparison.Ordinal))
        {
            var openingSign = SignAt(tag + 2);
            var end = SkipRawTag(openingSign == '\0' ? tag + 2 : tag + 3, "endraw", out var closingSign);
            if (end < 0)
                continue;
            AddText(_source[_position..tag], openingSign, isVariable: false);
            _position = end;
            FinishTag(closingSign, takesLineEnd: true);
            return true;
        }
        throw Fail("Missing end of raw directive", opening);
    }

    // The position after "raw %}" (or "endraw %}"), or -1 when something else stands here.
    private int SkipRawTag(int at, string name, out char sign)
    {
        sign = '\0';
        while (at < _source.Length && CodePointText.IsSpace(_source[at]))
            at++;
        if (string.CompareOrdinal(_source, at, name, 0, name.Length) != 0)
            return -1;
        at += name.Length;
        while (at < _source.Length && CodePointText.IsSpace(_source[at]))
            at++;
        if (SignAt(at) is '-' or '+' && (SignAt(at) == '-' || name == "endraw"))
            sign = _source[at++];
        return string.CompareOrdinal(_source, at, "%}", 0, 2) == 0 ? at + 2 : -1;
    }

    private void ReadCode(int start, bool isVariable)
    {
        var closing = isVariable ? "}}" : "%}";
        var brackets = new Stack<char>();
        var scanner = new CodeScanner(_source);
        _position = start;
        while (_position < _source.Length)
        {
            if (CodePointText.IsSpace(_source[_position]))
            {
                _position++;
                continue;
            }
            if (brackets.Count == 0 && EndsHere(closing, isVariable, out var sign))
            {
                Add(isVariable ? TokenKind.VariableEnd : TokenKind.BlockEnd, "", _position);
                _position += sign == '\0' ? 2 : 3;
                FinishTag(sign, takesLineEnd: !isVariable);
                return;
            }
            if (!scanner.TryRead(_position, out var kind, out var text, out var end, out var problem))
                throw Fail(problem, _position);
            if (kind == TokenKind.Operator)
                Balance(brackets, text);
            Add(kind, text, _position);
            _position = end;
        }
    }

    private bool EndsHere(string closing, bool isVariable, out char sign)
    {
        sign = SignAt(_position);
        if (sign == '+' && isVariable)
            sign = '\0';
        var at = sign == '\0' ? _position : _position + 1;
        return string.CompareOrdinal(_source, at, closing, 0, 2) == 0;
    }

    private void Balance(Stack<char> brackets, string symbol)
    {
        switch (symbol)
        {
            case "(":
                brackets.Push(')');
                break;
            case "[":
                brackets.Push(']');
                break;
            case "{":
                brackets.Push('}');
                break;
            case ")" or "]" or "}":
                if (!brackets.TryPop(out var expected))
                    throw Fail($"unexpected '{symbol}'", _position);
                if (expected != symbol[0])
                    throw Fail($"unexpected '{symbol}', expected '{expected}'", _position);
                break;
        }
    }

    private void Add(TokenKind kind, string text, int at) => _tokens.Add(new Token(kind, text, LineOf(at)));

    private int LineOf(int at)
    {
        for (; _countedTo < at; _countedTo++)
            _line += _source[_countedTo] == '\n' ? 1 : 0;
        return _line;
    }

    private ChatTemplateException Fail(string reason, int at) => new(ChatTemplateErrorKind.Syntax, LineOf(at), reason);

    private static bool IsBlank(ReadOnlySpan<char> text)
    {
        foreach (var c in text)
        {
            if (!CodePointText.IsSpace(c))
                return false;
        }
        return true;
    }
}
