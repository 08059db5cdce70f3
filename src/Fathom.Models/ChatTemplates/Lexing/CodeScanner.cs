using System.Globalization;
using System.Text;
using Fathom.Models.ChatTemplates.Methods;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Lexing;

/// <summary>Reads the tokens inside a tag: numbers, names, strings, operators.</summary>
internal sealed class CodeScanner(string source)
{
    private static readonly string[] Operators =
    [
        "//", "**", "==", "!=", ">=", "<=",
        "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
    ];

    /// <summary>The token that starts at a position where no white space stands.</summary>
    public bool TryRead(int start, out TokenKind kind, out string text, out int end, out string problem)
    {
        problem = "";
        var c = source[start];
        if (char.IsAsciiDigit(c))
        {
            ReadNumber(start, out kind, out end);
            text = source[start..end].Replace("_", "", StringComparison.Ordinal);
            return true;
        }
        if (IsNamePart(start))
        {
            end = start;
            while (end < source.Length && IsNamePart(end))
                end += CodePointText.UnitsAt(source, end);
            kind = TokenKind.Name;
            text = source[start..end];
            problem = "Invalid character in identifier";
            return StringClasses.IsIdentifier(text);
        }
        if (c is '"' or '\'')
        {
            kind = TokenKind.String;
            return TryReadString(start, out text, out end, out problem);
        }
        kind = TokenKind.Operator;
        foreach (var symbol in Operators)
        {
            if (string.CompareOrdinal(source, start, symbol, 0, symbol.Length) == 0)
            {
                text = symbol;
                end = start + symbol.Length;
                return true;
            }
        }
        (text, end) = ("", start);
        problem = $"unexpected char {QuotedText.Of(source.Substring(start, CodePointText.UnitsAt(source, start)))} at {start}";
        return false;
    }

    private bool IsNamePart(int at) => PythonText.IsWord(source, at) || CharUnicodeInfo.GetUnicodeCategory(source, at)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.ConnectorPunctuation;

    // A float needs digits before the point, and digits after it or an exponent; "1.x" is an integer, a dot and a name.
    private void ReadNumber(int start, out TokenKind kind, out int end)
    {
        kind = TokenKind.Integer;
        var whole = Digits(start, char.IsAsciiDigit);
        end = whole;
        if (start == 0 || source[start - 1] != '.')
        {
            if (end < source.Length && source[end] == '.' && Digits(end + 1, char.IsAsciiDigit) is var fraction && fraction > end + 1)
                (kind, end) = (TokenKind.Float, fraction);
            if (end < source.Length && source[end] is 'e' or 'E')
            {
                var exponent = end + 1 < source.Length && source[end + 1] is '+' or '-' ? end + 2 : end + 1;
                if (Digits(exponent, char.IsAsciiDigit) is var stop && stop > exponent)
                    (kind, end) = (TokenKind.Float, stop);
            }
            if (kind == TokenKind.Float)
                return;
        }
        if (source[start] != '0')
            return;
        Func<char, bool>? radix = start + 1 < source.Length ? source[start + 1] switch
        {
            'x' or 'X' => char.IsAsciiHexDigit,
            'o' or 'O' => c => c is >= '0' and <= '7',
            'b' or 'B' => c => c is '0' or '1',
            _ => null,
        }
        : null;
        if (radix is not null)
        {
            var first = start + 2 < source.Length && source[start + 2] == '_' ? start + 3 : start + 2;
            if (Digits(first, radix) is var stop && stop > first)
            {
                end = stop;
                return;
            }
        }
        // A leading zero is a number of zeros only: 007 is 00 and then 7, which no expression allows.
        end = Digits(start, c => c == '0');
    }

    // Digits with single underscores between them.
    private int Digits(int at, Func<char, bool> isDigit)
    {
        while (at < source.Length && isDigit(source[at]))
            at += at + 2 < source.Length && source[at + 1] == '_' && isDigit(source[at + 2]) ? 2 : 1;
        return at;
    }

    private bool TryReadString(int start, out string text, out int end, out string problem)
    {
        (text, end, problem) = ("", start + 1, "");
        while (end < source.Length && source[end] != source[start])
            end += source[end] == '\\' ? 2 : 1;
        if (end >= source.Length)
        {
            problem = $"unexpected char {QuotedText.Of(source[start].ToString())} at {start}: the string does not end";
            return false;
        }
        var body = source[(start + 1)..end++];
        if (!body.Contains('\\', StringComparison.Ordinal))
        {
            text = body;
            return true;
        }
        return TryUnescape(body, out text, out problem);
    }

    // Python's unicode-escape: an unknown escape keeps its backslash.
    private static bool TryUnescape(string body, out string text, out string problem)
    {
        var result = new StringBuilder(body.Length);
        (text, problem) = ("", "");
        for (var i = 0; i < body.Length; i++)
        {
            if (body[i] != '\\')
            {
                result.Append(body[i]);
                continue;
            }
            var c = body[++i];
            switch (c)
            {
                case '\n':
                    break;
                case >= '0' and <= '7':
                    var octal = 0;
                    var stop = Math.Min(i + 3, body.Length);
                    for (; i < stop && body[i] is >= '0' and <= '7'; i++)
                        octal = (octal * 8) + body[i] - '0';
                    i--;
                    result.Append((char)octal);
                    break;
                case 'x' or 'u' or 'U':
                    var count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
                    if (i + count >= body.Length
                        || !uint.TryParse(body.AsSpan(i + 1, count), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
                    {
                        problem = $"truncated \\{c} escape";
                        return false;
                    }
                    if (code > 0x10ffff)
                    {
                        problem = "illegal Unicode character";
                        return false;
                    }
                    result.Append(code > 0xffff ? char.ConvertFromUtf32((int)code) : ((char)code).ToString());
                    i += count;
                    break;
                case 'N':
                    problem = "character names (\\N{...}) are not supported";
                    return false;
                default:
                    const string Letters = "nrtbfav\\'\"";
                    const string Values = "\n\r\t\b\f\a\v\\'\"";
                    var known = Letters.IndexOf(c, StringComparison.Ordinal);
                    _ = known >= 0 ? result.Append(Values[known]) : result.Append('\\').Append(c);
                    break;
            }
        }
        text = result.ToString();
        return true;
    }
}
