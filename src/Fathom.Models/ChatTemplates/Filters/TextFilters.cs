using System.Text;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Methods;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Filters;

/// <summary>Filters that see their value as text; what is not text is turned into it first.</summary>
internal static class TextFilters
{
    public static TemplateValue Upper(RenderContext context, TemplateValue value, Arguments arguments) =>
        Convert(context, value, arguments, PythonText.Upper);

    public static TemplateValue Lower(RenderContext context, TemplateValue value, Arguments arguments) =>
        Convert(context, value, arguments, PythonText.Lower);

    public static TemplateValue Capitalize(RenderContext context, TemplateValue value, Arguments arguments) =>
        Convert(context, value, arguments, PythonText.Capitalize);

    public static TemplateValue Title(RenderContext context, TemplateValue value, Arguments arguments) =>
        Convert(context, value, arguments, TitleWords);

    public static TemplateValue String(RenderContext context, TemplateValue value, Arguments arguments) =>
        Convert(context, value, arguments, text => text);

    public static TemplateValue Trim(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "chars");
        var characters = bound[0] is null or NoneValue ? null : StringMethods.RequireText(bound[0], arguments.Callee).Text;
        var text = Soft(context, value);
        context.Budget.Charge((characters?.Length ?? 0) * (long)text.Text.Length / 64);
        return context.NewString(PythonText.Strip(text.Text, characters), text.IsMarkup);
    }

    public static TemplateValue Center(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "width");
        var width = bound[0] is null ? 80 : Numbers.RequireInt32(bound[0]!, arguments.Callee);
        var text = Soft(context, value);
        return new StringValue(StringMethods.Justify(text.Text, width, " ", 'c', context.Budget), text.IsMarkup);
    }

    public static TemplateValue Replace(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(2, "old", "new", "count");
        var count = bound[2] is null or NoneValue ? -1 : Numbers.RequireInt32(bound[2]!, arguments.Callee);
        return context.NewString(StringMethods.ReplaceText(ValueText.Of(value, context.Budget),
            ValueText.Of(bound[0]!, context.Budget), ValueText.Of(bound[1]!, context.Budget), count, context.Budget));
    }

    public static TemplateValue Join(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "d", "attribute");
        var separator = bound[0] is null ? "" : ValueText.Of(bound[0]!, context.Budget);
        var path = new AttributePath(bound[1]);
        var parts = new List<string>();
        long length = 0;
        foreach (var item in value.Iterate(context.Budget))
        {
            context.Budget.Charge(1);
            parts.Add(ValueText.Of(path.Follow(item, null, context.Budget), context.Budget));
            length += parts[^1].Length + separator.Length;
            if (length > context.Budget.StringCharactersMax + (long)separator.Length)
                break;
        }
        context.Budget.ChargeText(Math.Max(0, length - separator.Length));
        return new StringValue(string.Join(separator, parts));
    }

    public static TemplateValue Format(RenderContext context, TemplateValue value, Arguments arguments)
    {
        if (arguments.Positional.Count > 0 && arguments.Keywords.Count > 0)
            throw TemplateFault.Evaluation("can't handle positional and keyword arguments at the same time");
        TemplateValue values = new TupleValue([.. arguments.Positional]);
        if (arguments.Keywords.Count > 0)
        {
            var named = context.NewDict();
            DictMethods.Fill(named, arguments, context.Budget);
            values = named;
        }
        return PrintfFormat.Format(Soft(context, value), values, context);
    }

    public static TemplateValue Indent(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "width", "first", "blank");
        if (value is UndefinedValue undefined)
            throw undefined.Fault(context.Budget);
        var text = StringMethods.RequireText(value, arguments.Callee);
        var width = bound[0] is null ? 4 : bound[0] is StringValue ? 0 : Numbers.RequireInt32(bound[0]!, arguments.Callee);
        context.Budget.ChargeText(Math.Max(0, width));
        var indentation = bound[0] is StringValue given ? given.Text : new string(' ', Math.Max(0, width));
        var indentsBlank = bound[2]?.IsTruthy ?? false;
        var lines = PythonText.SplitLines(text.Text + "\n", keepEnds: false).ToList();
        context.Budget.ChargeText(text.Text.Length + ((long)indentation.Length * lines.Count));
        var result = new StringBuilder(bound[1]?.IsTruthy ?? false ? indentation : "");
        for (var i = 0; i < lines.Count; i++)
        {
            if (i > 0)
                result.Append('\n').Append(indentsBlank || lines[i].Length > 0 ? indentation : "");
            result.Append(lines[i]);
        }
        return new StringValue(result.ToString(), text.IsMarkup);
    }

    public static TemplateValue Truncate(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var bound = arguments.Bind(0, "length", "killwords", "end", "leeway");
        var text = StringMethods.RequireText(value, arguments.Callee);
        var length = bound[0] is null ? 255 : Numbers.RequireInt32(bound[0]!, arguments.Callee);
        var end = bound[2] is null ? "..." : StringMethods.RequireText(bound[2], arguments.Callee).Text;
        var leeway = bound[3] is null or NoneValue ? 5 : Numbers.RequireInt32(bound[3]!, arguments.Callee);
        var endLength = CodePointText.Count(end);
        if (length < endLength)
            throw TemplateFault.Evaluation($"expected length >= {endLength}, got {length}");
        if (leeway < 0)
            throw TemplateFault.Evaluation($"expected leeway >= 0, got {leeway}");
        if (text.CodePoints <= (long)length + leeway)
            return text;
        var kept = text.Text[..CodePointText.UnitOffset(text.Text, length - endLength)];
        var lastBlank = bound[1]?.IsTruthy ?? false ? -1 : kept.LastIndexOf(' ');
        return context.NewString((lastBlank < 0 ? kept : kept[..lastBlank]) + end, text.IsMarkup);
    }

    public static TemplateValue WordCount(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        var text = Soft(context, value).Text;
        context.Budget.Charge(text.Length / 16);
        var count = 0;
        var inWord = false;
        for (var i = 0; i < text.Length; i += CodePointText.UnitsAt(text, i))
        {
            var isWord = PythonText.IsWord(text, i);
            count += isWord && !inWord ? 1 : 0;
            inWord = isWord;
        }
        return IntValue.Of(count);
    }

    /// <summary>The value itself when it is text, else its text.</summary>
    public static StringValue Soft(RenderContext context, TemplateValue value) =>
        value as StringValue ?? new StringValue(ValueText.Of(value, context.Budget));

    private static StringValue Convert(
        RenderContext context, TemplateValue value, Arguments arguments, Func<string, string> convert)
    {
        arguments.BindNothing();
        var text = Soft(context, value);
        return context.NewString(convert(text.Text), text.IsMarkup);
    }

    // Unlike str.title(), only - ( { [ < and white space start a word.
    private static string TitleWords(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var start = 0; start < text.Length;)
        {
            var end = start;
            var splits = StartsWord(text[start]);
            while (end < text.Length && StartsWord(text[end]) == splits)
                end++;
            var word = text[start..end];
            var first = CodePointText.UnitsAt(word, 0);
            result.Append(splits ? word : PythonText.Upper(word[..first]) + PythonText.Lower(word[first..]));
            start = end;
        }
        return result.ToString();
    }

    private static bool StartsWord(char c) => c is '-' or '(' or '{' or '[' or '<' || CodePointText.IsSpace(c);
}
