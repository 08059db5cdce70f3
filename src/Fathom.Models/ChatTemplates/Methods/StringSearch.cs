using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Methods;

/// <summary><c>find</c>, <c>index</c>, <c>count</c>, <c>startswith</c> and their mirrors, all with optional start and end.</summary>
internal static class StringSearch
{
    public static TemplateValue Find(StringValue self, Arguments arguments, bool fromEnd, bool required)
    {
        var bound = arguments.Bind(1, "sub", "start", "end");
        var part = StringMethods.RequireText(bound[0], arguments.Callee).Text;
        var (start, end) = Window(self, bound[1], bound[2], arguments.Callee);
        if (start <= end)
        {
            var window = self.Text.AsSpan(start, end - start);
            var at = fromEnd ? window.LastIndexOf(part) : window.IndexOf(part);
            if (at >= 0)
                return IntValue.Of(CodePointText.IndexOfUnit(self.Text, start + at));
        }
        return required ? throw TemplateFault.Evaluation("substring not found") : IntValue.Of(-1);
    }

    public static TemplateValue Count(StringValue self, RenderContext context, Arguments arguments)
    {
        var bound = arguments.Bind(1, "sub", "start", "end");
        var part = StringMethods.RequireText(bound[0], arguments.Callee).Text;
        context.Budget.Charge(self.Text.Length / 64);
        var (start, end) = Window(self, bound[1], bound[2], arguments.Callee);
        if (start > end)
            return IntValue.Of(0);
        if (part.Length == 0)
            return IntValue.Of(CodePointText.Count(self.Text[start..end]) + 1);
        var count = 0;
        for (var window = self.Text.AsSpan(start, end - start); window.IndexOf(part) is >= 0 and var at;)
        {
            count++;
            window = window[(at + part.Length)..];
        }
        return IntValue.Of(count);
    }

    public static TemplateValue HasAffix(StringValue self, Arguments arguments, bool atEnd)
    {
        var bound = arguments.Bind(1, atEnd ? "suffix" : "prefix", "start", "end");
        var (start, end) = Window(self, bound[1], bound[2], arguments.Callee);
        var affixes = bound[0] is TupleValue several ? several.Items : [bound[0]!];
        foreach (var affix in affixes)
        {
            var text = StringMethods.RequireText(affix, arguments.Callee).Text;
            if (start > end)
                continue;
            var window = self.Text.AsSpan(start, end - start);
            if (atEnd ? window.EndsWith(text, StringComparison.Ordinal) : window.StartsWith(text, StringComparison.Ordinal))
                return BoolValue.True;
        }
        return BoolValue.False;
    }

    // UTF-16 bounds of [start:end] given in code points; start may lie behind end, where nothing is found.
    private static (int Start, int End) Window(StringValue self, TemplateValue? start, TemplateValue? end, string callee)
    {
        int Read(TemplateValue? bound, int missing)
        {
            if (bound is null or NoneValue)
                return missing;
            var position = Numbers.RequireInt32(bound, callee);
            return position < 0 ? Math.Max(0, position + self.CodePoints) : position;
        }
        var from = Read(start, 0);
        var to = Math.Min(Read(end, self.CodePoints), self.CodePoints);
        if (from > self.CodePoints)
            return (self.Text.Length + 1, self.Text.Length);
        return self.CodePoints == self.Text.Length
            ? (from, to)
            : (CodePointText.UnitOffset(self.Text, from), CodePointText.UnitOffset(self.Text, to));
    }
}
