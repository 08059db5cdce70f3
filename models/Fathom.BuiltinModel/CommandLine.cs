using System.Globalization;

namespace Fathom.BuiltinModel;

/// <summary>The command and its options, which all take a value.</summary>
internal sealed class CommandLine
{
    private readonly Dictionary<string, string> _options = new(StringComparer.Ordinal);

    private CommandLine(string command) => Command = command;

    public string Command { get; }

    /// <exception cref="FormatException">Something is not an option with a value, or not one of those allowed.</exception>
    public static CommandLine Parse(IReadOnlyList<string> arguments, params ReadOnlySpan<string> allowed)
    {
        if (arguments.Count == 0)
            throw new FormatException("no command");
        var line = new CommandLine(arguments[0]);
        for (int i = 1; i < arguments.Count; i += 2)
        {
            if (!allowed.Contains(arguments[i]) || i + 1 == arguments.Count)
                throw new FormatException($"{arguments[i]}: not an option with a value");
            line._options[arguments[i]] = arguments[i + 1];
        }

        return line;
    }

    public string Text(string option, string fallback) => _options.GetValueOrDefault(option, fallback);

    public int Positive(string option, int fallback)
    {
        if (!_options.TryGetValue(option, out string? text))
            return fallback;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0
            ? value
            : throw new FormatException($"{option} {text}: must be a positive number");
    }
}
