using Fathom.Models.ChatTemplates.Lexing;

namespace Fathom.Models.ChatTemplates.Parsing;

/// <summary>The tokens of a template with a cursor; the last one, end of template, is never passed.</summary>
internal sealed class TokenStream(List<Token> tokens)
{
    private int _position;

    public Token Current => tokens[_position];

    public Token Next => tokens[Math.Min(_position + 1, tokens.Count - 1)];

    public Token Take()
    {
        var token = Current;
        if (_position < tokens.Count - 1)
            _position++;
        return token;
    }

    public bool SkipName(string name)
    {
        if (!Current.IsName(name))
            return false;
        Take();
        return true;
    }

    public bool SkipOperator(string symbol)
    {
        if (!Current.IsOperator(symbol))
            return false;
        Take();
        return true;
    }

    public Token ExpectOperator(string symbol) =>
        Current.IsOperator(symbol) ? Take() : throw Fail($"expected token '{symbol}', got '{Current}'");

    public Token ExpectName(string name) =>
        Current.IsName(name) ? Take() : throw Fail($"expected token '{name}', got '{Current}'");

    public Token Expect(TokenKind kind) =>
        Current.Kind == kind ? Take() : throw Fail($"expected token '{Describe(kind)}', got '{Current}'");

    public ChatTemplateException Fail(string reason) => Fail(reason, Current.Line);

    public static ChatTemplateException Fail(string reason, int line) => new(ChatTemplateErrorKind.Syntax, line, reason);

    private static string Describe(TokenKind kind) =>
        kind == TokenKind.Name ? "name" : new Token(kind, "", 0).ToString();
}
