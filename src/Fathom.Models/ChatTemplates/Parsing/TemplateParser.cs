using System.Runtime.CompilerServices;
using Fathom.Models.ChatTemplates.Lexing;
using Fathom.Models.ChatTemplates.Syntax;

namespace Fathom.Models.ChatTemplates.Parsing;

/// <summary>Parses statements: text, <c>{{ }}</c> and the tags.</summary>
internal sealed class TemplateParser
{
    private readonly TokenStream _stream;
    private readonly ExpressionParser _expressions;
    private readonly Stack<HashSet<string>> _macroNames = new();
    private int _loopDepth;

    private TemplateParser(List<Token> tokens)
    {
        _stream = new TokenStream(tokens);
        _expressions = new ExpressionParser(_stream, NoteName);
    }

    /// <exception cref="ChatTemplateException">The source is malformed.</exception>
    public static IReadOnlyList<Statement> Parse(string source)
    {
        var parser = new TemplateParser(TemplateLexer.Tokenize(source));
        return parser.ParseUntil("template");
    }

    // Statements up to a tag with one of these names, whose name is then current; without names, to the end.
    private List<Statement> ParseUntil(string owner, params ReadOnlySpan<string> endNames)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw _stream.Fail("blocks nested deeper than the stack allows.");
        var body = new List<Statement>();
        while (true)
        {
            var token = _stream.Take();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new Text(token.Line, token.Text));
                    break;
                case TokenKind.VariableBegin:
                    body.Add(new Output(token.Line, _expressions.ParseTuple()));
                    _stream.Expect(TokenKind.VariableEnd);
                    break;
                case TokenKind.BlockBegin:
                    if (_stream.Current.Kind == TokenKind.Name && endNames.Contains(_stream.Current.Text))
                        return body;
                    ParseStatement(body, owner, endNames);
                    _stream.Expect(TokenKind.BlockEnd);
                    break;
                default:
                    if (endNames.Length == 0)
                        return body;
                    throw TokenStream.Fail(
                        $"Unexpected end of template: '{owner}' still looks for {Names(endNames)}.", token.Line);
            }
        }
    }

    // A tag's body: after its "%}", which Python habit may precede with a colon.
    private List<Statement> ParseBody(string owner, params ReadOnlySpan<string> endNames)
    {
        _stream.SkipOperator(":");
        _stream.Expect(TokenKind.BlockEnd);
        return ParseUntil(owner, endNames);
    }

    private void ParseStatement(List<Statement> body, string owner, ReadOnlySpan<string> endNames)
    {
        var token = _stream.Current;
        if (token.Kind != TokenKind.Name)
            throw _stream.Fail("tag name expected");
        _stream.Take();
        switch (token.Text)
        {
            case "print":
                ParsePrint(body, token.Line);
                return;
            case "extends" or "include" or "import" or "from":
                throw TokenStream.Fail($"tag '{token.Text}' needs other templates, which a chat template does not have.", token.Line);
        }
        body.Add(token.Text switch
        {
            "if" => ParseIf(token.Line),
            "for" => ParseFor(token.Line),
            "set" => ParseSet(token.Line),
            "macro" => ParseMacro(token.Line),
            "call" => ParseCallBlock(token.Line),
            "filter" => ParseFilterBlock(token.Line),
            "with" => ParseWith(token.Line),
            "block" => ParseBlock(token.Line),
            "generation" => ParseGeneration(token.Line),
            "autoescape" => ParseAutoEscape(token.Line),
            "break" => ParseLoopControl(token, Flow.Break),
            "continue" => ParseLoopControl(token, Flow.Continue),
            _ => throw TokenStream.Fail(endNames.Length == 0
                ? $"Encountered unknown tag '{token.Text}'."
                : $"Encountered unknown tag '{token.Text}': '{owner}' looks for {Names(endNames)}.", token.Line),
        });
    }

    private void ParsePrint(List<Statement> body, int line)
    {
        for (var first = true; _stream.Current.Kind != TokenKind.BlockEnd; first = false)
        {
            if (!first)
                _stream.ExpectOperator(",");
            body.Add(new Output(line, _expressions.Parse()));
        }
    }

    private If ParseIf(int line)
    {
        var branches = new List<(Expression, IReadOnlyList<Statement>)>();
        while (true)
        {
            var condition = _expressions.ParseTuple(allowsConditional: false);
            branches.Add((condition, ParseBody("if", "elif", "else", "endif")));
            var end = _stream.Take();
            if (end.IsName("elif"))
                continue;
            List<Statement> otherwise = [];
            if (end.IsName("else"))
            {
                otherwise = ParseBody("if", "endif");
                _stream.Take();
            }
            return new If(line, branches, otherwise);
        }
    }

    private For ParseFor(int line)
    {
        var target = ParseTarget(allowsNamespace: false, endName: "in");
        _stream.ExpectName("in");
        var iterable = _expressions.ParseTuple(allowsConditional: false, endName: "recursive");
        var condition = _stream.SkipName("if") ? _expressions.Parse() : null;
        var isRecursive = _stream.SkipName("recursive");
        _loopDepth++;
        var body = ParseBody("for", "endfor", "else");
        _loopDepth--;
        List<Statement> otherwise = [];
        if (_stream.Take().IsName("else"))
        {
            otherwise = ParseBody("for", "endfor");
            _stream.Take();
        }
        return new For(line, target, iterable, condition, isRecursive, body, otherwise);
    }

    private Statement ParseSet(int line)
    {
        var target = ParseTarget(allowsNamespace: true, endName: null);
        if (_stream.SkipOperator("="))
            return new Set(line, target, _expressions.ParseTuple());
        var filter = _expressions.ParseFilters(null);
        var body = ParseBody("set", "endset");
        _stream.Take();
        return new SetBlock(line, target, filter, body);
    }

    private DefineMacro ParseMacro(int line)
    {
        var name = _stream.Expect(TokenKind.Name);
        RequireAssignable(name);
        return new DefineMacro(line, ParseMacroRest(name.Text, ParseParameters(), "macro", "endmacro"));
    }

    private CallBlock ParseCallBlock(int line)
    {
        IReadOnlyList<(string, Expression?)> parameters = _stream.Current.IsOperator("(") ? ParseParameters() : [];
        if (_expressions.Parse() is not Call call)
            throw TokenStream.Fail("expected call", line);
        return new CallBlock(line, ParseMacroRest(null, parameters, "call", "endcall"), call);
    }

    private MacroDefinition ParseMacroRest(
        string? name, IReadOnlyList<(string Name, Expression? Default)> parameters, string tag, string endTag)
    {
        var outerLoops = _loopDepth;
        _loopDepth = 0;
        _macroNames.Push(new HashSet<string>(StringComparer.Ordinal));
        var body = ParseBody(tag, endTag);
        _stream.Take();
        var used = _macroNames.Pop();
        _loopDepth = outerLoops;
        bool IsSpecial(string special) => used.Contains(special) && !parameters.Any(parameter => parameter.Name == special);
        return new MacroDefinition(name, parameters, body, IsSpecial("caller"), IsSpecial("varargs"), IsSpecial("kwargs"));
    }

    private List<(string Name, Expression? Default)> ParseParameters()
    {
        var parameters = new List<(string Name, Expression? Default)>();
        _stream.ExpectOperator("(");
        while (!_stream.Current.IsOperator(")"))
        {
            if (parameters.Count > 0)
                _stream.ExpectOperator(",");
            var name = _stream.Expect(TokenKind.Name);
            RequireAssignable(name);
            var fallback = _stream.SkipOperator("=") ? _expressions.Parse() : null;
            if (fallback is null && parameters.Count > 0 && parameters[^1].Default is not null)
                throw _stream.Fail("non-default argument follows default argument");
            if (parameters.Exists(parameter => parameter.Name == name.Text))
                throw _stream.Fail($"duplicate argument '{name.Text}'");
            parameters.Add((name.Text, fallback));
        }
        _stream.ExpectOperator(")");
        return parameters;
    }

    private FilterBlock ParseFilterBlock(int line)
    {
        var filter = _expressions.ParseFilter(null);
        filter = _expressions.ParseFilters(filter) ?? filter;
        var body = ParseBody("filter", "endfilter");
        _stream.Take();
        return new FilterBlock(line, filter, body);
    }

    private ScopedBlock ParseWith(int line)
    {
        var bindings = new List<(Target, Expression)>();
        while (_stream.Current.Kind != TokenKind.BlockEnd && !_stream.Current.IsOperator(":"))
        {
            if (bindings.Count > 0)
                _stream.ExpectOperator(",");
            var target = ParseTarget(allowsNamespace: false, endName: null);
            _stream.ExpectOperator("=");
            bindings.Add((target, _expressions.Parse()));
        }
        var body = ParseBody("with", "endwith");
        _stream.Take();
        return new ScopedBlock(line, bindings, body, seesOnlyRoot: false);
    }

    // Without inheritance a block is its body, seeing the top level's names only, or all of them when scoped.
    private ScopedBlock ParseBlock(int line)
    {
        var name = _stream.Expect(TokenKind.Name).Text;
        var isScoped = _stream.SkipName("scoped");
        if (_stream.SkipName("required"))
            throw TokenStream.Fail($"block '{name}' is required, but nothing can extend a chat template.", line);
        var body = ParseBody("block", "endblock");
        _stream.Take();
        _stream.SkipName(name);
        return new ScopedBlock(line, [], body, seesOnlyRoot: !isScoped);
    }

    // Transformers marks the assistant's tokens with it; the text is the body's.
    private ScopedBlock ParseGeneration(int line)
    {
        var body = ParseBody("generation", "endgeneration");
        _stream.Take();
        return new ScopedBlock(line, [], body, seesOnlyRoot: false);
    }

    private AutoEscape ParseAutoEscape(int line)
    {
        var enabled = _expressions.Parse();
        var body = ParseBody("autoescape", "endautoescape");
        _stream.Take();
        return new AutoEscape(line, enabled, body);
    }

    private LoopControl ParseLoopControl(Token token, Flow flow) => _loopDepth > 0
        ? new LoopControl(token.Line, flow)
        : throw TokenStream.Fail($"'{token.Text}' outside loop", token.Line);

    // Names, optionally in parentheses, separated by commas.
    private Target ParseTarget(bool allowsNamespace, string? endName)
    {
        var targets = new List<Target>();
        var isTuple = false;
        while (!EndsTarget(endName))
        {
            targets.Add(ParseSimpleTarget(allowsNamespace));
            if (!_stream.SkipOperator(","))
                break;
            isTuple = true;
        }
        if (targets.Count == 0)
            throw _stream.Fail($"Expected an expression, got '{_stream.Current}'");
        return isTuple ? new TupleTarget(targets) : targets[0];
    }

    private bool EndsTarget(string? endName) =>
        _stream.Current.Kind == TokenKind.BlockEnd || _stream.Current.IsOperator(")") || _stream.Current.IsOperator("=")
        || (endName is not null && _stream.Current.IsName(endName));

    private Target ParseSimpleTarget(bool allowsNamespace)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw _stream.Fail("targets nested deeper than the stack allows.");
        if (_stream.SkipOperator("("))
        {
            var inner = ParseTarget(allowsNamespace: false, endName: null);
            _stream.ExpectOperator(")");
            return inner;
        }
        var name = _stream.Expect(TokenKind.Name);
        if (allowsNamespace && _stream.SkipOperator("."))
        {
            NoteName(name.Text);
            return new NamespaceTarget(name.Text, _stream.Expect(TokenKind.Name).Text);
        }
        RequireAssignable(name);
        return new NameTarget(name.Text);
    }

    private static void RequireAssignable(Token name)
    {
        if (name.Text is "true" or "false" or "none" or "True" or "False" or "None")
            throw TokenStream.Fail($"can't assign to '{name.Text}'", name.Line);
    }

    private void NoteName(string name)
    {
        if (name is "caller" or "varargs" or "kwargs")
        {
            foreach (var names in _macroNames)
                names.Add(name);
        }
    }

    private static string Names(ReadOnlySpan<string> names) => string.Join(" or ", names.ToArray().Select(name => $"'{name}'"));
}
