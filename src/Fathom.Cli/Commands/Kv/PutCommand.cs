using System.CommandLine;
using Fathom.Cli.CommandLine;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv put`: sets a key.</summary>
internal static class PutCommand
{
    private static readonly Argument<string> Key = new("KEY") { Description = "A number where keys are fixed; else text, or 0x and hexadecimal digits." };
    private static readonly Argument<string> Value = new("VALUE") { Description = "Text, or 0x and hexadecimal digits." };

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "put", "Sets a key.", "fathom kv put store.kv user42 0x0102", [StoreArguments.StorePath, Key, Value], terminal, RunAsync);

    private static Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        using var store = StoreArguments.Open(invocation.Options);
        store.Put(
            StoreArguments.ParseKey(invocation.Options.GetRequiredValue(Key), store.Kind, "KEY"),
            StoreArguments.ParseBytes(invocation.Options.GetRequiredValue(Value), "VALUE"));
        return Task.CompletedTask;
    }
}
