using Fathom.Models.ChatTemplates.Evaluation;
using Fathom.Models.ChatTemplates.Parsing;
using Fathom.Models.ChatTemplates.Syntax;

namespace Fathom.Models.ChatTemplates;

/// <summary>A parsed chat template: turns a conversation into the prompt text a model was trained on.</summary>
/// <remarks>
/// Immutable; any number of threads may render at once. The language is Jinja2 3.1 as Transformers configures it
/// (<c>trim_blocks</c>, <c>lstrip_blocks</c>, loop controls, no autoescape, one template) plus <c>tojson</c> without ASCII
/// escaping, <c>raise_exception</c>, <c>strftime_now</c> and <c>{% generation %}</c>. Values are this library's own types:
/// nothing is reached by reflection.
/// </remarks>
public sealed class ChatTemplate
{
    private const int SourceCharactersMax = 4 * 1024 * 1024;
    private readonly IReadOnlyList<Statement> _body;

    private ChatTemplate(string source, IReadOnlyList<Statement> body)
    {
        Source = source;
        _body = body;
    }

    /// <summary>The text it was parsed from.</summary>
    public string Source { get; }

    /// <summary>Parses a template.</summary>
    /// <param name="source">Jinja source.</param>
    /// <exception cref="ChatTemplateException">The source is malformed; names the line.</exception>
    public static ChatTemplate Parse(string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Length > SourceCharactersMax)
            throw new ChatTemplateException(ChatTemplateErrorKind.Limit, 0,
                $"the source has {source.Length} characters, at most {SourceCharactersMax} are allowed.");
        return new ChatTemplate(source, TemplateParser.Parse(source));
    }

    /// <summary>Renders the template.</summary>
    /// <param name="input">Variables, clock and limits.</param>
    /// <param name="cancellationToken">Ends a long rendering early.</param>
    /// <returns>The prompt text, special tokens spelled out.</returns>
    /// <exception cref="ChatTemplateException">The template raised, an operation failed or a limit was reached.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public string Render(ChatTemplateInput input, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        var budget = new RenderBudget(input.Limits, cancellationToken);
        try
        {
            var context = new RenderContext(budget, input.Clock);
            var globals = GlobalScope.Create(context, input);
            Block.ExecuteAll(_body, context, globals);
            return context.TakeOutput();
        }
        catch (TemplateFault fault)
        {
            var line = fault.Kind == ChatTemplateErrorKind.Input ? 0 : budget.Line;
            throw new ChatTemplateException(fault.Kind, line, fault.Message);
        }
    }
}
