using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Methods;

/// <summary><c>split</c>, <c>rsplit</c>, <c>splitlines</c>, <c>partition</c>, <c>rpartition</c>.</summary>
internal static class StringSplitting
{
    public static TemplateValue Split(StringValue self, RenderContext context, Arguments arguments) =>
        Split(self, context, arguments, fromEnd: false);

    public static TemplateValue SplitFromEnd(StringValue self, RenderContext context, Arguments arguments) =>
        Split(self, context, arguments, fromEnd: true);

    public static TemplateValue SplitLines(StringValue self, RenderContext context, Arguments arguments)
    {
        var keepEnds = arguments.Bind(0, "keepends")[0]?.IsTruthy ?? false;
        return Parts(self, context, PythonText.SplitLines(self.Text, keepEnds));
    }

    public static TemplateValue Partition(StringValue self, Arguments arguments, bool fromEnd)
    {
        var separator = StringMethods.RequireText(arguments.Bind(1, "sep")[0], arguments.Callee).Text;
        if (separator.Length == 0)
            throw TemplateFault.Evaluation("empty separator");
        var text = self.Text;
        var at = fromEnd
            ? text.LastIndexOf(separator, StringComparison.Ordinal)
            : text.IndexOf(separator, StringComparison.Ordinal);
        var (before, middle, after) = at >= 0 ? (text[..at], separator, text[(at + separator.Length)..])
            : fromEnd ? ("", "", text) : (text, "", "");
        return new TupleValue(
            [new StringValue(before, self.IsMarkup), new StringValue(middle, self.IsMarkup), new StringValue(after, self.IsMarkup)]);
    }

    private static ListValue Split(StringValue self, RenderContext context, Arguments arguments, bool fromEnd)
    {
        var bound = arguments.Bind(0, "sep", "maxsplit");
        var splitsMax = bound[1] is null ? -1 : Numbers.RequireInt32(bound[1]!, arguments.Callee);
        if (splitsMax < 0)
            splitsMax = int.MaxValue;
        if (bound[0] is null or NoneValue)
            return Parts(self, context, fromEnd ? AtSpaceFromEnd(self.Text, splitsMax) : AtSpace(self.Text, splitsMax));
        var separator = StringMethods.RequireText(bound[0], arguments.Callee).Text;
        if (separator.Length == 0)
            throw TemplateFault.Evaluation("empty separator");
        return Parts(self, context, fromEnd ? AtFromEnd(self.Text, separator, splitsMax) : At(self.Text, separator, splitsMax));
    }

    private static ListValue Parts(StringValue self, RenderContext context, IEnumerable<string> parts)
    {
        context.Budget.ChargeText(self.Text.Length);
        var list = new List<TemplateValue>();
        foreach (var part in parts)
        {
            context.Budget.Charge(1);
            list.Add(new StringValue(part, self.IsMarkup));
        }
        return new ListValue(list);
    }

    private static IEnumerable<string> At(string text, string separator, int splitsMax)
    {
        var start = 0;
        for (; splitsMax > 0; splitsMax--)
        {
            var at = text.IndexOf(separator, start, StringComparison.Ordinal);
            if (at < 0)
                break;
            yield return text[start..at];
            start = at + separator.Length;
        }
        yield return text[start..];
    }

    private static Stack<string> AtFromEnd(string text, string separator, int splitsMax)
    {
        var parts = new Stack<string>();
        var end = text.Length;
        for (; splitsMax > 0; splitsMax--)
        {
            var at = text.AsSpan(0, end).LastIndexOf(separator);
            if (at < 0)
                break;
            parts.Push(text[(at + separator.Length)..end]);
            end = at;
        }
        parts.Push(text[..end]);
        return parts;
    }

    private static IEnumerable<string> AtSpace(string text, int splitsMax)
    {
        var i = 0;
        while (true)
        {
            while (i < text.Length && CodePointText.IsSpace(text[i]))
                i++;
            if (i >= text.Length)
                yield break;
            if (splitsMax-- == 0)
            {
                yield return PythonText.StripEnd(text[i..], null);
                yield break;
            }
            var start = i;
            while (i < text.Length && !CodePointText.IsSpace(text[i]))
                i++;
            yield return text[start..i];
        }
    }

    private static Stack<string> AtSpaceFromEnd(string text, int splitsMax)
    {
        var parts = new Stack<string>();
        var end = text.Length;
        while (true)
        {
            while (end > 0 && CodePointText.IsSpace(text[end - 1]))
                end--;
            if (end == 0)
                return parts;
            if (splitsMax-- == 0)
            {
                parts.Push(PythonText.StripStart(text[..end], null));
                return parts;
            }
            var stop = end;
            while (end > 0 && !CodePointText.IsSpace(text[end - 1]))
                end--;
            parts.Push(text[end..stop]);
        }
    }
}
