using System.CommandLine;

namespace Fathom.Cli.CommandLine;

/// <summary>An option of a command whose value comes from the command line, else from FATHOM_*, else from fathom.json, else its default.</summary>
/// <remarks>One parser and one range check serve all sources, so that a bad value reads the same wherever it stands.</remarks>
internal sealed class Setting<T>
{
    private readonly Option<string?> _option;
    private readonly Func<string, T> _parse;
    private readonly string _allowed;
    private readonly T _default;

    /// <param name="name">As on the command line, with its dashes: "--max-batch".</param>
    /// <param name="valueName">What the help shows for the value: "N".</param>
    /// <param name="description">One line, without the default.</param>
    /// <param name="defaultValue">Used when no source has the setting.</param>
    /// <param name="allowed">Completes "… must be".</param>
    /// <param name="parse">Text to value; throws FormatException or OverflowException outside of what is allowed.</param>
    /// <param name="defaultText">How the help shows the default; null for none.</param>
    public Setting(string name, string valueName, string description, T defaultValue, string allowed, Func<string, T> parse, string? defaultText)
    {
        Name = name;
        _default = defaultValue;
        _allowed = allowed;
        _parse = parse;
        _option = new Option<string?>(name)
        {
            HelpName = valueName,
            Description = defaultText is null ? description : $"{description} [default: {defaultText}]",
        };
    }

    /// <summary>As on the command line, with its dashes.</summary>
    public string Name { get; }

    /// <summary>The option to add to a command.</summary>
    public Option Option => _option;

    /// <summary>The value for this invocation.</summary>
    /// <exception cref="UsageException">The text is not allowed; the message names the source, the text and what is.</exception>
    public T Read(ParseResult invocation)
    {
        var (text, source) = invocation.GetValue(_option) is { } given ? (given, Name) : SettingSources.Find(Name);
        if (text is null)
            return _default;
        try
        {
            return _parse(text);
        }
        catch (Exception error) when (error is FormatException or OverflowException)
        {
            throw new UsageException($"{source}: '{text}' must be {_allowed}.");
        }
    }
}
