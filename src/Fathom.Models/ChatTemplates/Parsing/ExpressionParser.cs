using System.Globalization;
using System.Runtime.CompilerServices;
using Fathom.Models.ChatTemplates.Lexing;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Syntax;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Parsing;

/// <summary>Parses expressions with Jinja's precedence: conditional, or, and, not, comparison, + -, ~, * / // %, **, unary,
/// postfix, filters and tests.</summary>
/// <param name="stream">Tokens, shared with the statement parser.</param>
/// <param name="onName">Told every name that is read, so that macros know whether they use <c>caller</c> and its like.</param>
internal sealed class ExpressionParser(TokenStream stream, Action<string> onName)
{
    public Expression Parse(bool allowsConditional = true)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw stream.Fail("expressions nested deeper than the stack allows.");
        return allowsConditional ? ParseConditional() : ParseOr();
    }

    /// <summary>An expression, or a tuple without parentheses when a comma follows.</summary>
    /// <param name="allowsConditional">False where a following <c>if</c> belongs to the statement.</param>
    /// <param name="allowsEmpty">True within parentheses, where nothing is the empty tuple.</param>
    /// <param name="endName">A name that ends the tuple.</param>
    public Expression ParseTuple(bool allowsConditional = true, bool allowsEmpty = false, string? endName = null)
    {
        var line = stream.Current.Line;
        var items = new List<Expression>();
        var isTuple = false;
        while (!EndsTuple(endName))
        {
            items.Add(Parse(allowsConditional));
            if (!stream.SkipOperator(","))
                break;
            isTuple = true;
        }
        if (!isTuple && items.Count == 1)
            return items[0];
        if (!isTuple && !allowsEmpty)
            throw stream.Fail($"Expected an expression, got '{stream.Current}'");
        return new TupleLiteral(line, items);
    }

    /// <summary><c>| name(arguments) | name ...</c> applied to a value, or to a body when there is none.</summary>
    public ApplyFilter? ParseFilters(Expression? value)
    {
        ApplyFilter? filter = null;
        while (stream.SkipOperator("|"))
        {
            filter = ParseFilter(value);
            value = filter;
        }
        return filter;
    }

    public ApplyFilter ParseFilter(Expression? value)
    {
        var line = stream.Current.Line;
        var name = ParseDottedName();
        return new ApplyFilter(line, value, name, stream.Current.IsOperator("(") ? ParseArguments() : ArgumentList.Empty);
    }

    private bool EndsTuple(string? endName) =>
        stream.Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd
        || stream.Current.IsOperator(")")
        || (endName is not null && stream.Current.IsName(endName));

    private Expression ParseConditional()
    {
        var line = stream.Current.Line;
        var value = ParseOr();
        while (stream.SkipName("if"))
        {
            var condition = ParseOr();
            var otherwise = stream.SkipName("else") ? Parse() : null;
            value = new Conditional(line, condition, value, otherwise);
            line = stream.Current.Line;
        }
        return value;
    }

    private Expression ParseOr()
    {
        var left = ParseAnd();
        while (stream.Current.IsName("or"))
        {
            var line = stream.Take().Line;
            left = new Or(line, left, ParseAnd());
        }
        return left;
    }

    private Expression ParseAnd()
    {
        var left = ParseNot();
        while (stream.Current.IsName("and"))
        {
            var line = stream.Take().Line;
            left = new And(line, left, ParseNot());
        }
        return left;
    }

    private Expression ParseNot()
    {
        if (!stream.Current.IsName("not"))
            return ParseComparison();
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw stream.Fail("expressions nested deeper than the stack allows.");
        var line = stream.Take().Line;
        return new Not(line, ParseNot());
    }

    private Expression ParseComparison()
    {
        var line = stream.Current.Line;
        var first = ParseSum();
        var rest = new List<(ComparisonOperator, Expression)>();
        while (TryTakeComparison(out var op))
            rest.Add((op, ParseSum()));
        return rest.Count == 0 ? first : new Compare(line, first, rest);
    }

    private bool TryTakeComparison(out ComparisonOperator op)
    {
        var token = stream.Current;
        ComparisonOperator? found = (token.Kind, token.Text) switch
        {
            (TokenKind.Operator, "==") => ComparisonOperator.Equal,
            (TokenKind.Operator, "!=") => ComparisonOperator.NotEqual,
            (TokenKind.Operator, "<") => ComparisonOperator.Less,
            (TokenKind.Operator, "<=") => ComparisonOperator.LessOrEqual,
            (TokenKind.Operator, ">") => ComparisonOperator.Greater,
            (TokenKind.Operator, ">=") => ComparisonOperator.GreaterOrEqual,
            (TokenKind.Name, "in") => ComparisonOperator.In,
            (TokenKind.Name, "not") when stream.Next.IsName("in") => ComparisonOperator.NotIn,
            _ => null,
        };
        op = found ?? default;
        if (found is null)
            return false;
        stream.Take();
        if (op == ComparisonOperator.NotIn)
            stream.Take();
        return true;
    }

    private Expression ParseSum()
    {
        var left = ParseConcatenation();
        while (stream.Current.Kind == TokenKind.Operator && stream.Current.Text is "+" or "-")
        {
            var token = stream.Take();
            left = new Binary(
                token.Line, token.Text == "+" ? BinaryOperator.Add : BinaryOperator.Subtract, left, ParseConcatenation());
        }
        return left;
    }

    private Expression ParseConcatenation()
    {
        var line = stream.Current.Line;
        var parts = new List<Expression> { ParseProduct() };
        while (stream.SkipOperator("~"))
            parts.Add(ParseProduct());
        return parts.Count == 1 ? parts[0] : new Concatenation(line, parts);
    }

    private Expression ParseProduct()
    {
        var left = ParsePower();
        while (stream.Current.Kind == TokenKind.Operator && stream.Current.Text is "*" or "/" or "//" or "%")
        {
            var token = stream.Take();
            var op = token.Text switch
            {
                "*" => BinaryOperator.Multiply,
                "/" => BinaryOperator.Divide,
                "//" => BinaryOperator.FloorDivide,
                _ => BinaryOperator.Modulo,
            };
            left = new Binary(token.Line, op, left, ParsePower());
        }
        return left;
    }

    // Left-associative, unlike Python's.
    private Expression ParsePower()
    {
        var left = ParseUnary(allowsFilters: true);
        while (stream.Current.IsOperator("**"))
        {
            var line = stream.Take().Line;
            left = new Binary(line, BinaryOperator.Power, left, ParseUnary(allowsFilters: true));
        }
        return left;
    }

    private Expression ParseUnary(bool allowsFilters)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw stream.Fail("expressions nested deeper than the stack allows.");
        var token = stream.Current;
        Expression value;
        if (stream.SkipOperator("-"))
            value = new Negation(token.Line, ParseUnary(allowsFilters: false));
        else if (stream.SkipOperator("+"))
            value = new UnaryPlus(token.Line, ParseUnary(allowsFilters: false));
        else
            value = ParsePrimary();
        value = ParsePostfix(value);
        return allowsFilters ? ParseFiltersAndTests(value) : value;
    }

    private Expression ParsePrimary()
    {
        var token = stream.Current;
        switch (token.Kind)
        {
            case TokenKind.Name:
                stream.Take();
                return ParseWord(token);
            case TokenKind.String:
                var text = stream.Take().Text;
                while (stream.Current.Kind == TokenKind.String)
                    text += stream.Take().Text;
                return new Constant(token.Line, new StringValue(text));
            case TokenKind.Integer or TokenKind.Float:
                stream.Take();
                return new Constant(token.Line, ParseNumber(token));
            case TokenKind.Operator when token.Text == "(":
                stream.Take();
                var inner = ParseTuple(allowsEmpty: true);
                stream.ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                return ParseList();
            case TokenKind.Operator when token.Text == "{":
                return ParseDict();
            default:
                throw stream.Fail($"unexpected '{token}'");
        }
    }

    private Expression ParseWord(Token token)
    {
        switch (token.Text)
        {
            case "true" or "True":
                return new Constant(token.Line, BoolValue.True);
            case "false" or "False":
                return new Constant(token.Line, BoolValue.False);
            case "none" or "None":
                return new Constant(token.Line, NoneValue.Instance);
            default:
                onName(token.Text);
                return new Name(token.Line, token.Text);
        }
    }

    private static TemplateValue ParseNumber(Token token)
    {
        if (token.Kind == TokenKind.Float)
            return new FloatValue(double.Parse(token.Text, CultureInfo.InvariantCulture));
        return Numbers.TryParseInteger(token.Text, 0, out var integer)
            ? IntValue.Of(integer)
            : throw TokenStream.Fail("an integer literal with too many digits", token.Line);
    }

    private ListLiteral ParseList()
    {
        var line = stream.ExpectOperator("[").Line;
        var items = new List<Expression>();
        while (!stream.Current.IsOperator("]"))
        {
            items.Add(Parse());
            if (!stream.SkipOperator(","))
                break;
        }
        stream.ExpectOperator("]");
        return new ListLiteral(line, items);
    }

    private DictLiteral ParseDict()
    {
        var line = stream.ExpectOperator("{").Line;
        var entries = new List<(Expression, Expression)>();
        while (!stream.Current.IsOperator("}"))
        {
            var key = Parse();
            stream.ExpectOperator(":");
            entries.Add((key, Parse()));
            if (!stream.SkipOperator(","))
                break;
        }
        stream.ExpectOperator("}");
        return new DictLiteral(line, entries);
    }

    private Expression ParsePostfix(Expression value)
    {
        while (stream.Current.Kind == TokenKind.Operator)
        {
            var line = stream.Current.Line;
            switch (stream.Current.Text)
            {
                case ".":
                    stream.Take();
                    var member = stream.Current;
                    if (member.Kind is not (TokenKind.Name or TokenKind.Integer))
                        throw stream.Fail("expected name or number");
                    stream.Take();
                    value = member.Kind == TokenKind.Name
                        ? new GetAttribute(line, value, member.Text)
                        : new GetItem(line, value, new Constant(line, ParseNumber(member)));
                    break;
                case "[":
                    value = ParseSubscript(value);
                    break;
                case "(":
                    value = new Call(line, value, ParseArguments());
                    break;
                default:
                    return value;
            }
        }
        return value;
    }

    private Expression ParseFiltersAndTests(Expression value)
    {
        while (true)
        {
            if (stream.Current.IsOperator("|"))
                value = ParseFilters(value)!;
            else if (stream.Current.IsName("is"))
                value = ParseTest(value);
            else if (stream.Current.IsOperator("("))
                value = new Call(stream.Current.Line, value, ParseArguments());
            else
                return value;
        }
    }

    private Expression ParseSubscript(Expression value)
    {
        var line = stream.ExpectOperator("[").Line;
        Expression? start = null, stop = null, step = null;
        if (!stream.Current.IsOperator(":"))
        {
            var key = ParseTupleKey(line);
            if (!stream.Current.IsOperator(":"))
            {
                stream.ExpectOperator("]");
                return new GetItem(line, value, key);
            }
            start = key;
        }
        stream.ExpectOperator(":");
        if (!stream.Current.IsOperator(":") && !stream.Current.IsOperator("]"))
            stop = Parse();
        if (stream.SkipOperator(":") && !stream.Current.IsOperator("]"))
            step = Parse();
        stream.ExpectOperator("]");
        return new Slice(line, value, start, stop, step);
    }

    // value[a, b] looks up the tuple; value[] the empty one.
    private Expression ParseTupleKey(int line)
    {
        var keys = new List<Expression>();
        while (!stream.Current.IsOperator("]"))
        {
            keys.Add(Parse());
            if (!stream.SkipOperator(","))
                break;
        }
        return keys.Count == 1 ? keys[0] : new TupleLiteral(line, keys);
    }

    private Expression ParseTest(Expression value)
    {
        var line = stream.ExpectName("is").Line;
        var isNegated = stream.SkipName("not");
        var name = ParseDottedName();
        var arguments = ArgumentList.Empty;
        if (stream.Current.IsOperator("("))
        {
            arguments = ParseArguments();
        }
        else if (StartsTestArgument())
        {
            if (stream.Current.IsName("is"))
                throw stream.Fail("You cannot chain multiple tests with is");
            arguments = new ArgumentList([ParsePostfix(ParsePrimary())], [], null, null);
        }
        Expression test = new ApplyTest(line, value, name, arguments);
        return isNegated ? new Not(line, test) : test;
    }

    private bool StartsTestArgument()
    {
        var token = stream.Current;
        return token.Kind switch
        {
            TokenKind.Name => token.Text is not ("else" or "or" or "and"),
            TokenKind.String or TokenKind.Integer or TokenKind.Float => true,
            TokenKind.Operator => token.Text is "[" or "{",
            _ => false,
        };
    }

    private string ParseDottedName()
    {
        var name = stream.Expect(TokenKind.Name).Text;
        while (stream.SkipOperator("."))
            name += "." + stream.Expect(TokenKind.Name).Text;
        return name;
    }

    private ArgumentList ParseArguments()
    {
        var line = stream.ExpectOperator("(").Line;
        var positional = new List<Expression>();
        var keywords = new List<(string, Expression)>();
        Expression? spread = null, keywordSpread = null;
        void Ensure(bool condition)
        {
            if (!condition)
                throw TokenStream.Fail("invalid syntax for function call expression", line);
        }
        while (!stream.Current.IsOperator(")"))
        {
            if (stream.SkipOperator("*"))
            {
                Ensure(spread is null && keywordSpread is null);
                spread = Parse();
            }
            else if (stream.SkipOperator("**"))
            {
                Ensure(keywordSpread is null);
                keywordSpread = Parse();
            }
            else if (stream.Current.Kind == TokenKind.Name && stream.Next.IsOperator("="))
            {
                Ensure(keywordSpread is null);
                var name = stream.Take().Text;
                stream.Take();
                keywords.Add((name, Parse()));
            }
            else
            {
                Ensure(spread is null && keywordSpread is null && keywords.Count == 0);
                positional.Add(Parse());
            }
            if (!stream.SkipOperator(","))
                break;
        }
        stream.ExpectOperator(")");
        return new ArgumentList(positional, keywords, spread, keywordSpread);
    }
}
