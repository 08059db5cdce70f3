using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Storage.KeyValue;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Cli.Commands.Kv;

/// <summary>`fathom kv create`: an empty store.</summary>
internal static class CreateCommand
{
    private static readonly Setting<KeyKind> Keys = Settings.Choice("--keys", "Kind of keys: 1 to 512 bytes, or numbers of 8 bytes in pages of 512.",
        KeyKind.Variable, ("variable", KeyKind.Variable), ("fixed", KeyKind.Fixed));

    private static readonly Setting<int> PageBytes = new("--page", "BYTES", "Page size of a store with variable keys.", 4096, "4096, 8192, 16384, 32768 or 65536",
        text => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture) is 4096 or 8192 or 16384 or 32768 or 65536 ? int.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : throw new OverflowException(), "4096");

    public static Command Create(Terminal terminal) => FathomCommand.Create(
        "create", "Makes an empty store.", "fathom kv create store.kv --keys fixed", [StoreArguments.StorePath, Keys.Option, PageBytes.Option], terminal, RunAsync);

    private static Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var kind = Keys.Read(invocation.Options);
        var shape = kind == KeyKind.Fixed ? StoreShape.Fixed : new StoreShape(kind, PageBytes.Read(invocation.Options));
        KeyValueStore.Create(invocation.Options.GetRequiredValue(StoreArguments.StorePath), shape);
        return Task.CompletedTask;
    }
}
