using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Methods;
using Fathom.Models.ChatTemplates.Operators;

namespace Fathom.Models.ChatTemplates.Values;

/// <summary>Python's <c>str</c>. Positions and lengths that templates see count code points, not UTF-16 units.</summary>
/// <param name="text">The characters.</param>
/// <param name="isMarkup">Came from <c>safe</c> or <c>escape</c>: joining plain text to it escapes that text.</param>
internal sealed class StringValue(string text, bool isMarkup = false) : TemplateValue
{
    private int _codePoints = -1;

    public static StringValue Empty { get; } = new("");

    public string Text { get; } = text;

    public bool IsMarkup { get; } = isMarkup;

    public override string TypeName => IsMarkup ? "Markup" : "str";

    public override string ObjectDescription => IsMarkup ? "markupsafe.Markup object" : "str object";

    public override bool IsTruthy => Text.Length > 0;

    /// <summary>Code points; a surrogate without its partner counts as one, as in Python.</summary>
    public override int? Length => CodePoints;

    public int CodePoints => _codePoints >= 0 ? _codePoints : _codePoints = CodePointText.Count(Text);

    public override IEnumerable<TemplateValue> Enumerate(RenderBudget budget)
    {
        for (var i = 0; i < Text.Length;)
        {
            var units = CodePointText.UnitsAt(Text, i);
            yield return new StringValue(Text.Substring(i, units), IsMarkup);
            i += units;
        }
    }

    public override TemplateValue? FindItem(TemplateValue key, RenderBudget budget)
    {
        if (!Numbers.TryIndex(key, CodePoints, out var index))
            return null;
        if (CodePoints == Text.Length)
            return new StringValue(Text.Substring(index, 1), IsMarkup);
        budget.Charge(Text.Length / 64);
        var unit = CodePointText.UnitOffset(Text, index);
        return new StringValue(Text.Substring(unit, CodePointText.UnitsAt(Text, unit)), IsMarkup);
    }

    public override TemplateValue? FindAttribute(string name) => StringMethods.Find(this, name);
}
