namespace Fathom.Models.ChatTemplates.Evaluation;

/// <summary>
/// A failed operation on its way to <see cref="ChatTemplate.Render"/>, which alone knows the line and turns it into the
/// public <see cref="ChatTemplateException"/>. Never leaves this library.
/// </summary>
#pragma warning disable CA1064 // Internal on purpose: it never crosses the public surface.
internal sealed class TemplateFault(ChatTemplateErrorKind kind, string message) : Exception(message)
#pragma warning restore CA1064
{
    public ChatTemplateErrorKind Kind { get; } = kind;

    public static TemplateFault Evaluation(string message) => new(ChatTemplateErrorKind.Evaluation, message);

    public static TemplateFault Limit(string message) => new(ChatTemplateErrorKind.Limit, message);
}
