using System.Text;
using Fathom.Models.ChatTemplates.Values;

namespace Fathom.Models.ChatTemplates.Evaluation;

/// <summary>State of one rendering: budget, clock, and where text goes. One thread, one <see cref="ChatTemplate.Render"/>.</summary>
internal sealed class RenderContext(RenderBudget budget, TimeProvider clock)
{
    private readonly Stack<StringBuilder> _captures = new();
    private StringBuilder _output = new();

    public RenderBudget Budget { get; } = budget;

    public TimeProvider Clock { get; } = clock;

    /// <summary>Text produced by a statement, into the innermost capture.</summary>
    public void Write(string text)
    {
        // The builder's whole length must stay within the bound of one string, and only the new text is new work.
        if (_output.Length + (long)text.Length > Budget.StringCharactersMax)
            Budget.ChargeText(_output.Length + (long)text.Length);
        Budget.ChargeText(text.Length);
        _output.Append(text);
    }

    public void BeginCapture()
    {
        _captures.Push(_output);
        _output = new StringBuilder();
    }

    public StringValue EndCapture()
    {
        var text = _output.ToString();
        _output = _captures.Pop();
        return new StringValue(text);
    }

    public string TakeOutput() => _output.ToString();

    /// <summary>A string value, charged before the caller's result is kept.</summary>
    public StringValue NewString(string text, bool isMarkup = false)
    {
        Budget.ChargeText(text.Length);
        return new StringValue(text, isMarkup);
    }

    public DictValue NewDict() => new(Budget);
}
