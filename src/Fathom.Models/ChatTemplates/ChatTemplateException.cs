namespace Fathom.Models.ChatTemplates;

/// <summary>Why a chat template could not be parsed or rendered.</summary>
public enum ChatTemplateErrorKind
{
    /// <summary>The source is not a template: unknown tag, missing end, malformed expression.</summary>
    Syntax,

    /// <summary>The template itself called <c>raise_exception</c>; the reason is the template's own text.</summary>
    Raised,

    /// <summary>An operation failed: undefined value used, wrong type, bad argument, unknown filter.</summary>
    Evaluation,

    /// <summary>A bound of <see cref="ChatTemplateLimits"/> was reached; the reason names it.</summary>
    Limit,

    /// <summary>A variable handed in has no counterpart in the template language.</summary>
    Input,
}

/// <summary>A chat template that cannot be parsed, or a rendering of one that failed.</summary>
public sealed class ChatTemplateException : ModelException
{
    /// <summary>Creates the error; the message is one line that holds the template line and the reason.</summary>
    /// <param name="kind">What went wrong.</param>
    /// <param name="line">Line of the template, from 1; 0 when no line is to blame.</param>
    /// <param name="reason">The cause in one sentence.</param>
    public ChatTemplateException(ChatTemplateErrorKind kind, int line, string reason)
        : base("chat template", line > 0 ? $"line {line}" : "input", reason)
    {
        Kind = kind;
        Line = line;
    }

    /// <summary>What went wrong.</summary>
    public ChatTemplateErrorKind Kind { get; }

    /// <summary>Line of the template, from 1; 0 when no line is to blame.</summary>
    public int Line { get; }

    /// <summary>The cause without the line; exactly the template's own text when <see cref="Kind"/> is
    /// <see cref="ChatTemplateErrorKind.Raised"/>.</summary>
    public string Reason => Problem;
}
