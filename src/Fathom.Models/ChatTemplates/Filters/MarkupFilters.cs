using System.Text;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Filters;

/// <summary>Filters for HTML and URLs. Prompts rarely need them, but <c>safe</c> and <c>escape</c> do appear in templates.</summary>
internal static class MarkupFilters
{
    public static TemplateValue Escape(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        return context.NewString(MarkupText.Of(TextFilters.Soft(context, value)), isMarkup: true);
    }

    public static TemplateValue ForceEscape(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        return context.NewString(MarkupText.Escape(ValueText.Of(value, context.Budget)), isMarkup: true);
    }

    public static TemplateValue Safe(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        return context.NewString(ValueText.Of(value, context.Budget), isMarkup: true);
    }

    public static TemplateValue StripTags(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        var text = ValueText.Of(value, context.Budget);
        context.Budget.ChargeText(text.Length);
        text = WithoutSpans(WithoutSpans(text, "<!--", "-->"), "<", ">");
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return new StringValue(System.Net.WebUtility.HtmlDecode(string.Join(' ', words)));
    }

    public static TemplateValue UrlEncode(RenderContext context, TemplateValue value, Arguments arguments)
    {
        arguments.BindNothing();
        if (value is StringValue || value.Enumerate(context.Budget) is null)
            return context.NewString(Quote(ValueText.Of(value, context.Budget), "/", context.Budget));
        var pairs = value is DictValue dict ? dict.Pairs(context.Budget) : value.Iterate(context.Budget);
        var parts = new List<string>();
        foreach (var pair in pairs)
        {
            var items = pair.ToList(context.Budget);
            if (items.Count != 2)
                throw TemplateFault.Evaluation("urlencode needs pairs of key and value");
            parts.Add(string.Join('=', items.Select(item =>
                Quote(ValueText.Of(item, context.Budget), "", context.Budget).Replace("%20", "+", StringComparison.Ordinal))));
        }
        return context.NewString(string.Join('&', parts));
    }

    public static TemplateValue XmlAttributes(RenderContext context, TemplateValue value, Arguments arguments)
    {
        var leadingSpace = arguments.Bind(0, "autospace")[0]?.IsTruthy ?? true;
        if (value is not DictValue dict)
            throw TemplateFault.Evaluation($"'{value.TypeName}' object has no attribute 'items'");
        var result = new StringBuilder();
        foreach (var (key, item) in dict.Entries)
        {
            if (item is NoneValue or UndefinedValue)
                continue;
            var name = ValueText.Of(key, context.Budget);
            if (name.Any(c => c is ' ' or '\t' or '\n' or '\r' or '\f' or '\v' or '/' or '>' or '='))
                throw TemplateFault.Evaluation($"Invalid character in attribute name: {QuotedText.Of(name)}");
            if (result.Length > 0 || leadingSpace)
                result.Append(' ');
            var text = $"{MarkupText.Of(TextFilters.Soft(context, key))}=\"{MarkupText.Of(TextFilters.Soft(context, item))}\"";
            context.Budget.ChargeText(text.Length);
            result.Append(text);
        }
        return context.NewString(result.ToString());
    }

    private static string WithoutSpans(string text, string opening, string closing)
    {
        var result = new StringBuilder(text.Length);
        var from = 0;
        while (text.IndexOf(opening, from, StringComparison.Ordinal) is >= 0 and var start)
        {
            var end = text.IndexOf(closing, start, StringComparison.Ordinal);
            if (end < 0)
                break;
            result.Append(text, from, start - from);
            from = end + closing.Length;
        }
        return result.Append(text, from, text.Length - from).ToString();
    }

    private static string Quote(string text, string alsoSafe, RenderBudget budget)
    {
        budget.ChargeText(text.Length * 3L);
        var result = new StringBuilder(text.Length);
        foreach (var octet in Encoding.UTF8.GetBytes(text))
        {
            var c = (char)octet;
            if (char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' or '~' || alsoSafe.Contains(c, StringComparison.Ordinal))
                result.Append(c);
            else
                result.Append('%').Append(octet.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
        }
        return result.ToString();
    }
}
