using System.CommandLine;

namespace Fathom.Cli.CommandLine;

/// <summary>What a command's body gets: its parsed options and where to write.</summary>
internal readonly record struct Invocation(ParseResult Options, Terminal Terminal);

/// <summary>A leaf command: name, what it does, an example for its help, options and a body.</summary>
internal static class FathomCommand
{
    /// <param name="name">The word on the command line.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="example">A command that works when pasted.</param>
    /// <param name="symbols">Options and arguments.</param>
    /// <param name="run">The body; its failures become exit codes in <see cref="FathomApplication"/>.</param>
    /// <param name="terminal">Where the body writes.</param>
    public static Command Create(
        string name, string description, string example, IEnumerable<Symbol> symbols, Terminal terminal,
        Func<Invocation, CancellationToken, Task> run)
    {
        var command = new Command(name, $"{description}\n\nExample:\n  {example}");
        foreach (var symbol in symbols)
        {
            if (symbol is Option option)
                command.Add(option);
            else
                command.Add((Argument)symbol);
        }
        command.SetAction(async (invocation, cancellation) =>
        {
            await run(new Invocation(invocation, terminal), cancellation);
            return ExitCodes.Success;
        });
        return command;
    }

    /// <summary>A command that only groups others.</summary>
    public static Command Group(string name, string description, params Command[] commands)
    {
        var group = new Command(name, description);
        foreach (var command in commands)
            group.Add(command);
        return group;
    }
}
