using System.Globalization;
using Fathom.Bpf.Instructions;

namespace Fathom.Bpf.Assembly;

/// <summary>Reads one line of assembly as words, numbers and symbols.</summary>
internal sealed class TokenReader(string program, int line, string text)
{
    /// <summary>Longest first: the first that fits is taken.</summary>
    private static readonly string[] Symbols =
    [
        "s>>=", "s>=", "s<=", "s/=", "s%=", "<<=", ">>=", "s>", "s<", "==", "!=", ">=", "<=", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=",
        "=", ">", "<", "&", "+", "-", "*", "(", ")", "[", "]", ",",
    ];

    private int _position;

    /// <summary>Nothing but spaces is left.</summary>
    public bool IsAtEnd
    {
        get
        {
            SkipSpaces();
            return _position == text.Length;
        }
    }

    /// <summary>A number comes next, signed or not.</summary>
    public bool IsNumberNext
    {
        get
        {
            var mark = _position;
            var isNumber = TryNumber(out _);
            _position = mark;
            return isNumber;
        }
    }

    /// <summary>A place to come back to with <see cref="Return"/>.</summary>
    public int Mark() => _position;

    public void Return(int mark) => _position = mark;

    public InvalidProgramTextException Error(string problem) => new(program, line, $"{problem} in '{text.Trim()}'");

    /// <summary>A name followed by a colon.</summary>
    public bool TryLabel(out string label)
    {
        var mark = _position;
        if (TryName(out label))
        {
            SkipSpaces();
            if (_position < text.Length && text[_position] == ':')
            {
                _position++;
                return true;
            }
        }
        _position = mark;
        return false;
    }

    public bool TryName(out string name)
    {
        SkipSpaces();
        var start = _position;
        while (_position < text.Length && (IsNameStart(text[_position]) || (_position > start && char.IsAsciiDigit(text[_position]))))
            _position++;
        name = text[start.._position];
        return name.Length > 0;
    }

    /// <summary>Takes exactly this word.</summary>
    public bool TryWord(string word)
    {
        var mark = _position;
        if (TryName(out var name) && name == word)
            return true;
        _position = mark;
        return false;
    }

    public bool TrySymbol(string symbol)
    {
        SkipSpaces();
        if (PeekSymbol() != symbol)
            return false;
        _position += symbol.Length;
        return true;
    }

    /// <summary>The next symbol, whichever it is; empty when there is none.</summary>
    public string AnySymbol()
    {
        SkipSpaces();
        var symbol = PeekSymbol();
        _position += symbol.Length;
        return symbol;
    }

    public void Expect(string symbol)
    {
        if (!TrySymbol(symbol))
            throw Error($"'{symbol}' is missing at column {_position + 1}");
    }

    public void ExpectEnd()
    {
        if (!IsAtEnd)
            throw Error($"'{text[_position..].Trim()}' is left over");
    }

    /// <summary>What llvm-objdump prints behind a jump: <c>&lt;label&gt;</c>.</summary>
    public void SkipTargetComment()
    {
        SkipSpaces();
        if (_position < text.Length && text[_position] == '<' && text.TrimEnd().EndsWith('>'))
            _position = text.Length;
    }

    public bool TryNumber(out ulong number)
    {
        var mark = _position;
        var isNegative = TrySymbol("-");
        if (!isNegative)
            TrySymbol("+");
        SkipSpaces();
        var start = _position;
        while (_position < text.Length && char.IsAsciiLetterOrDigit(text[_position]))
            _position++;
        var digits = text.AsSpan(start, _position - start);
        var isNumber = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        if (!isNumber || (isNegative && number > 1UL << 63))
        {
            _position = mark;
            return false;
        }
        if (isNegative)
            number = 0 - number;
        return true;
    }

    public ulong Number() => TryNumber(out var number) ? number : throw Error($"a number is missing at column {_position + 1}");

    /// <summary>A number of 32 bits, signed or not.</summary>
    public int Immediate()
    {
        var number = (long)Number();
        return number is >= int.MinValue and <= uint.MaxValue ? (int)number : throw Error($"{number} does not fit into 32 bits");
    }

    /// <summary>A number of 16 bits, signed.</summary>
    public short Offset()
    {
        var number = (long)Number();
        return number is >= short.MinValue and <= short.MaxValue ? (short)number : throw Error($"{number} does not fit into an offset of 16 bits");
    }

    /// <summary><c>r3</c>, <c>%r3</c> or <c>w3</c>.</summary>
    public bool TryRegister(out int register, out bool isWide)
    {
        var mark = _position;
        SkipSpaces();
        if (_position < text.Length && text[_position] == '%')
            _position++;
        register = 0;
        isWide = true;
        if (TryName(out var name) && name.Length is 2 or 3 && name[0] is 'r' or 'w'
            && int.TryParse(name.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out register))
        {
            if (register > BpfInstruction.FramePointer)
                throw Error($"register {name} does not exist");
            isWide = name[0] == 'r';
            return true;
        }
        _position = mark;
        return false;
    }

    public int Register(out bool isWide) =>
        TryRegister(out var register, out isWide) ? register : throw Error($"a register is missing at column {_position + 1}");

    public int Register() => Register(out _);

    private string PeekSymbol()
    {
        foreach (var symbol in Symbols)
            if (string.CompareOrdinal(text, _position, symbol, 0, symbol.Length) == 0)
                return symbol;
        return "";
    }

    private void SkipSpaces()
    {
        while (_position < text.Length && char.IsWhiteSpace(text[_position]))
            _position++;
    }

    private static bool IsNameStart(char character) => char.IsAsciiLetter(character) || character is '_' or '.' or '$';
}
