namespace Fathom.Models.ChatTemplates.Lexing;

internal enum TokenKind
{
    /// <summary>Text between tags, white space control applied.</summary>
    Data,
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name,

    /// <summary>A string literal; the text is its value, escapes resolved.</summary>
    String,

    /// <summary>An integer literal; the text is as written, without underscores.</summary>
    Integer,

    /// <summary>A floating point literal; the text is as written, without underscores.</summary>
    Float,
    Operator,
    EndOfTemplate,
}

/// <summary>One token and the line it starts on.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Line)
{
    public bool Is(TokenKind kind, string text) => Kind == kind && Text == text;

    public bool IsName(string name) => Is(TokenKind.Name, name);

    public bool IsOperator(string symbol) => Is(TokenKind.Operator, symbol);

    /// <summary>How messages call it.</summary>
    public override string ToString() => Kind switch
    {
        TokenKind.EndOfTemplate => "end of template",
        TokenKind.Data => "template data",
        TokenKind.VariableBegin => "begin of print statement",
        TokenKind.VariableEnd => "end of print statement",
        TokenKind.BlockBegin => "begin of statement block",
        TokenKind.BlockEnd => "end of statement block",
        TokenKind.String => "string",
        _ => Text,
    };
}
