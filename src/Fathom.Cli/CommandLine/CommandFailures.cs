namespace Fathom.Cli.CommandLine;

/// <summary>Wrong usage: the line names the option, the value and what is allowed. Exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>A failure that the command can name in one line. Exit code 1.</summary>
internal sealed class CommandException(string message) : Exception(message);
