using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Cli.Reports;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv get`: the value of a key.</summary>
internal static class GetCommand
{
    private static readonly Argument<string> Key = new("KEY") { Description = "A number where keys are fixed; else text, or 0x and hexadecimal digits." };

    private sealed record Report(string Key, string Value, int ValueBytes);

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "get", "Prints the value of a key.", "fathom kv get store.kv user42", [StoreArguments.StorePath, Key, StoreArguments.Engine.Option, StoreArguments.Functions.Option, StoreArguments.Json], terminal, RunAsync);

    private static async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var options = invocation.Options;
        using var store = StoreArguments.Open(options);
        var key = options.GetRequiredValue(Key);
        var value = store.Get(StoreArguments.ParseKey(key, store.Kind, "KEY")) ?? throw new CommandException($"{store.Path}: no such key: {key}");
        if (options.GetValue(StoreArguments.Json))
            JsonReport.WriteLine(invocation.Terminal.Output, new Report(key, StoreArguments.ShowBytes(value), value.Length));
        else
            await invocation.Terminal.Output.WriteLineAsync(StoreArguments.ShowBytes(value));
    }
}
