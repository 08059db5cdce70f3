using System.Collections.Frozen;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Operators;
using Fathom.Models.ChatTemplates.Values;
using Method = System.Func<Fathom.Models.ChatTemplates.Values.StringValue,
    Fathom.Models.ChatTemplates.Evaluation.RenderContext,
    Fathom.Models.ChatTemplates.Values.Arguments,
    Fathom.Models.ChatTemplates.Values.TemplateValue>;

namespace Fathom.Models.ChatTemplates.Methods;

/// <summary>Methods of Python's <c>str</c>.</summary>
internal static class StringMethods
{
    private static readonly FrozenDictionary<string, Method> Methods = new Dictionary<string, Method>
    {
        ["upper"] = Mapping(PythonText.Upper),
        ["lower"] = Mapping(PythonText.Lower),
        ["casefold"] = Mapping(text => PythonText.Lower(PythonText.Upper(text))),
        ["title"] = Mapping(PythonText.Title),
        ["capitalize"] = Mapping(PythonText.Capitalize),
        ["swapcase"] = Mapping(PythonText.SwapCase),
        ["strip"] = Stripping(PythonText.Strip),
        ["lstrip"] = Stripping(PythonText.StripStart),
        ["rstrip"] = Stripping(PythonText.StripEnd),
        ["split"] = StringSplitting.Split,
        ["rsplit"] = StringSplitting.SplitFromEnd,
        ["splitlines"] = StringSplitting.SplitLines,
        ["partition"] = (self, context, arguments) => StringSplitting.Partition(self, arguments, fromEnd: false),
        ["rpartition"] = (self, context, arguments) => StringSplitting.Partition(self, arguments, fromEnd: true),
        ["startswith"] = (self, context, arguments) => StringSearch.HasAffix(self, arguments, atEnd: false),
        ["endswith"] = (self, context, arguments) => StringSearch.HasAffix(self, arguments, atEnd: true),
        ["find"] = (self, context, arguments) => StringSearch.Find(self, arguments, fromEnd: false, required: false),
        ["rfind"] = (self, context, arguments) => StringSearch.Find(self, arguments, fromEnd: true, required: false),
        ["index"] = (self, context, arguments) => StringSearch.Find(self, arguments, fromEnd: false, required: true),
        ["rindex"] = (self, context, arguments) => StringSearch.Find(self, arguments, fromEnd: true, required: true),
        ["count"] = StringSearch.Count,
        ["removeprefix"] = (self, context, arguments) => RemoveAffix(self, context, arguments, atEnd: false),
        ["removesuffix"] = (self, context, arguments) => RemoveAffix(self, context, arguments, atEnd: true),
        ["replace"] = Replace,
        ["join"] = Join,
        ["format"] = (self, context, arguments) => BraceFormat.Format(self, arguments, context),
        ["format_map"] = FormatMap,
        ["center"] = (self, context, arguments) => Justify(self, context, arguments, 'c'),
        ["ljust"] = (self, context, arguments) => Justify(self, context, arguments, 'l'),
        ["rjust"] = (self, context, arguments) => Justify(self, context, arguments, 'r'),
        ["zfill"] = FillZeros,
        ["expandtabs"] = ExpandTabs,
        ["isalpha"] = Testing(StringClasses.IsAlpha),
        ["isalnum"] = Testing(StringClasses.IsAlphanumeric),
        ["isdigit"] = Testing(StringClasses.IsDigit),
        ["isdecimal"] = Testing(StringClasses.IsDecimal),
        ["isnumeric"] = Testing(StringClasses.IsNumeric),
        ["isspace"] = Testing(StringClasses.IsSpace),
        ["isupper"] = Testing(StringClasses.IsUpper),
        ["islower"] = Testing(StringClasses.IsLower),
        ["istitle"] = Testing(StringClasses.IsTitle),
        ["isascii"] = Testing(text => text.All(char.IsAscii)),
        ["isidentifier"] = Testing(StringClasses.IsIdentifier),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static TemplateValue? Find(StringValue self, string name) =>
        Methods.TryGetValue(name, out var method) ? new BoundMethodValue<StringValue>(self, name, method) : null;

    /// <summary>An argument that must be text.</summary>
    public static StringValue RequireText(TemplateValue? value, string callee) => value as StringValue
        ?? throw TemplateFault.Evaluation($"{callee} expects a str, not {value?.TypeName ?? "nothing"}");

    public static string ReplaceText(string text, string old, string with, int countMax, RenderBudget budget)
    {
        if (countMax == 0)
            return text;
        var places = new List<int>();
        if (old.Length == 0)
        {
            for (var unit = 0; unit <= text.Length && (countMax < 0 || places.Count < countMax);)
            {
                places.Add(unit);
                unit += unit < text.Length ? CodePointText.UnitsAt(text, unit) : 1;
            }
        }
        else
        {
            for (var at = text.IndexOf(old, StringComparison.Ordinal); at >= 0 && (countMax < 0 || places.Count < countMax);
                at = text.IndexOf(old, at + old.Length, StringComparison.Ordinal))
            {
                places.Add(at);
            }
        }
        if (places.Count == 0)
            return text;
        var length = text.Length + (places.Count * ((long)with.Length - old.Length));
        budget.ChargeText(length);
        var result = new System.Text.StringBuilder((int)length);
        var copied = 0;
        foreach (var place in places)
        {
            result.Append(text, copied, place - copied).Append(with);
            copied = place + old.Length;
        }
        return result.Append(text, copied, text.Length - copied).ToString();
    }

    private static Method Mapping(Func<string, string> map) => (self, context, arguments) =>
    {
        arguments.BindNothing();
        return context.NewString(map(self.Text), self.IsMarkup);
    };

    private static Method Testing(Func<string, bool> test) => (self, context, arguments) =>
    {
        arguments.BindNothing();
        context.Budget.Charge(self.Text.Length / 64);
        return BoolValue.Of(test(self.Text));
    };

    private static Method Stripping(Func<string, string?, string> strip) => (self, context, arguments) =>
    {
        var bound = arguments.Bind(0, "chars");
        var characters = bound[0] is null or NoneValue ? null : RequireText(bound[0], arguments.Callee).Text;
        context.Budget.Charge((characters?.Length ?? 0) * (long)self.Text.Length / 64);
        return context.NewString(strip(self.Text, characters), self.IsMarkup);
    };

    private static StringValue RemoveAffix(StringValue self, RenderContext context, Arguments arguments, bool atEnd)
    {
        var affix = RequireText(arguments.Bind(1, atEnd ? "suffix" : "prefix")[0], arguments.Callee).Text;
        var text = self.Text;
        if (affix.Length > 0 && atEnd && text.EndsWith(affix, StringComparison.Ordinal))
            text = text[..^affix.Length];
        else if (!atEnd && text.StartsWith(affix, StringComparison.Ordinal))
            text = text[affix.Length..];
        return context.NewString(text, self.IsMarkup);
    }

    private static StringValue Replace(StringValue self, RenderContext context, Arguments arguments)
    {
        var bound = arguments.Bind(2, "old", "new", "count");
        var old = RequireText(bound[0], arguments.Callee);
        var with = RequireText(bound[1], arguments.Callee);
        var count = bound[2] is null ? -1 : Numbers.RequireInt32(bound[2]!, arguments.Callee);
        var text = self.IsMarkup
            ? ReplaceText(self.Text, old.Text, MarkupText.Of(with), count, context.Budget)
            : ReplaceText(self.Text, old.Text, with.Text, count, context.Budget);
        return context.NewString(text, self.IsMarkup);
    }

    private static StringValue Join(StringValue self, RenderContext context, Arguments arguments)
    {
        var items = arguments.Bind(1, "iterable")[0]!.ToList(context.Budget);
        var parts = new List<string>(items.Count);
        var length = (long)self.Text.Length * Math.Max(0, items.Count - 1);
        for (var i = 0; i < items.Count; i++)
        {
            if (items[i] is not StringValue part)
                throw TemplateFault.Evaluation($"sequence item {i}: expected str instance, {items[i].TypeName} found");
            parts.Add(self.IsMarkup ? MarkupText.Of(part) : part.Text);
            length += parts[^1].Length;
        }
        context.Budget.ChargeText(length);
        return new StringValue(string.Join(self.Text, parts), self.IsMarkup);
    }

    private static StringValue FormatMap(StringValue self, RenderContext context, Arguments arguments)
    {
        if (arguments.Bind(1, "mapping")[0] is not DictValue mapping)
            throw TemplateFault.Evaluation("format_map() argument must be a mapping");
        var keywords = mapping.Entries.Where(entry => entry.Key is StringValue)
            .Select(entry => KeyValuePair.Create(((StringValue)entry.Key).Text, entry.Value));
        return BraceFormat.Format(self, new Arguments(arguments.Callee, [], [.. keywords]), context);
    }

    private static StringValue Justify(StringValue self, RenderContext context, Arguments arguments, char side)
    {
        var bound = arguments.Bind(1, "width", "fillchar");
        var width = Numbers.RequireInt32(bound[0]!, arguments.Callee);
        var fill = bound[1] is null ? " " : RequireText(bound[1], arguments.Callee).Text;
        if (CodePointText.Count(fill) != 1)
            throw TemplateFault.Evaluation("The fill character must be exactly one character long");
        return context.NewString(Justify(self.Text, width, fill, side, context.Budget), self.IsMarkup);
    }

    public static string Justify(string text, int width, string fill, char side, RenderBudget budget)
    {
        var missing = width - CodePointText.Count(text);
        if (missing <= 0)
            return text;
        budget.ChargeText(text.Length + ((long)missing * fill.Length));
        // CPython gives the odd character of a centred text to the left when the width is odd.
        var left = side switch { 'l' => 0, 'r' => missing, _ => (missing / 2) + (missing & width & 1) };
        return string.Concat(Enumerable.Repeat(fill, left)) + text + string.Concat(Enumerable.Repeat(fill, missing - left));
    }

    private static StringValue FillZeros(StringValue self, RenderContext context, Arguments arguments)
    {
        var missing = Numbers.RequireInt32(arguments.Bind(1, "width")[0]!, arguments.Callee) - self.CodePoints;
        if (missing <= 0)
            return self;
        context.Budget.ChargeText((long)self.Text.Length + missing);
        var sign = self.Text.Length > 0 && self.Text[0] is '-' or '+' ? 1 : 0;
        return new StringValue(self.Text[..sign] + new string('0', missing) + self.Text[sign..], self.IsMarkup);
    }

    private static StringValue ExpandTabs(StringValue self, RenderContext context, Arguments arguments)
    {
        var bound = arguments.Bind(0, "tabsize");
        var size = bound[0] is null ? 8 : Math.Max(0, Numbers.RequireInt32(bound[0]!, arguments.Callee));
        context.Budget.ChargeText(self.Text.Length + ((long)size * self.Text.Count(c => c == '\t')));
        var result = new System.Text.StringBuilder(self.Text.Length);
        var column = 0;
        foreach (var c in self.Text)
        {
            if (c == '\t')
            {
                var blanks = size == 0 ? 0 : size - (column % size);
                result.Append(' ', blanks);
                column += blanks;
                continue;
            }
            result.Append(c);
            column = c is '\n' or '\r' ? 0 : char.IsLowSurrogate(c) ? column : column + 1;
        }
        return new StringValue(result.ToString(), self.IsMarkup);
    }
}
