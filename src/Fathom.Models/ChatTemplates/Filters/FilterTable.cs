using System.Collections.Frozen;
using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Filters;

/// <summary>A filter: the value left of the bar, then the arguments.</summary>
internal delegate TemplateValue Filter(RenderContext context, TemplateValue value, Arguments arguments);

/// <summary>Jinja's filters by name. Left out, since prompts have no use for them: <c>pprint</c>, <c>random</c>,
/// <c>urlize</c>, <c>wordwrap</c>.</summary>
internal static class FilterTable
{
    private static readonly FrozenDictionary<string, Filter> Filters = new Dictionary<string, Filter>
    {
        ["abs"] = NumberFilters.Abs,
        ["attr"] = SelectionFilters.Attribute,
        ["batch"] = SequenceFilters.Batch,
        ["capitalize"] = TextFilters.Capitalize,
        ["center"] = TextFilters.Center,
        ["count"] = SequenceFilters.Length,
        ["d"] = SelectionFilters.Default,
        ["default"] = SelectionFilters.Default,
        ["dictsort"] = SortingFilters.SortDict,
        ["e"] = MarkupFilters.Escape,
        ["escape"] = MarkupFilters.Escape,
        ["filesizeformat"] = NumberFilters.FileSize,
        ["first"] = SequenceFilters.First,
        ["float"] = NumberFilters.Float,
        ["forceescape"] = MarkupFilters.ForceEscape,
        ["format"] = TextFilters.Format,
        ["groupby"] = SortingFilters.GroupBy,
        ["indent"] = TextFilters.Indent,
        ["int"] = NumberFilters.Int,
        ["items"] = SequenceFilters.Items,
        ["join"] = TextFilters.Join,
        ["last"] = SequenceFilters.Last,
        ["length"] = SequenceFilters.Length,
        ["list"] = SequenceFilters.List,
        ["lower"] = TextFilters.Lower,
        ["map"] = SelectionFilters.Map,
        ["max"] = SortingFilters.Max,
        ["min"] = SortingFilters.Min,
        ["reject"] = SelectionFilters.Reject,
        ["rejectattr"] = SelectionFilters.RejectAttribute,
        ["replace"] = TextFilters.Replace,
        ["reverse"] = SequenceFilters.Reverse,
        ["round"] = NumberFilters.Round,
        ["safe"] = MarkupFilters.Safe,
        ["select"] = SelectionFilters.Select,
        ["selectattr"] = SelectionFilters.SelectAttribute,
        ["slice"] = SequenceFilters.Slice,
        ["sort"] = SortingFilters.Sort,
        ["string"] = TextFilters.String,
        ["striptags"] = MarkupFilters.StripTags,
        ["sum"] = NumberFilters.Sum,
        ["title"] = TextFilters.Title,
        ["tojson"] = JsonFilter.ToJson,
        ["trim"] = TextFilters.Trim,
        ["truncate"] = TextFilters.Truncate,
        ["unique"] = SortingFilters.Unique,
        ["upper"] = TextFilters.Upper,
        ["urlencode"] = MarkupFilters.UrlEncode,
        ["wordcount"] = TextFilters.WordCount,
        ["xmlattr"] = MarkupFilters.XmlAttributes,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static bool Contains(string name) => Filters.ContainsKey(name);

    public static TemplateValue Apply(RenderContext context, string name, TemplateValue value, Arguments arguments) =>
        Filters.TryGetValue(name, out var filter)
            ? filter(context, value, arguments)
            : throw TemplateFault.Evaluation($"No filter named '{name}'.");
}
