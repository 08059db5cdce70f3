using System.CommandLine;
using System.Globalization;
using System.Text;
using Fathom.Cli.CommandLine;
using Fathom.Storage;
using Fathom.Storage.KeyValue;
using Fathom.Storage.KeyValue.Format;

namespace Fathom.Cli.Commands.Kv;

/// <summary>What the `fathom kv` commands have in common: the store, its engine, keys and values as text.</summary>
internal static class StoreArguments
{
    public static readonly Argument<string> StorePath = new("STORE") { Description = "The store's file." };

    public static readonly Setting<EngineKind> Engine = Settings.Choice("--engine", "What runs the storage functions: io_uring, threads, or the better that works.",
        EngineKind.Auto, ("auto", EngineKind.Auto), ("uring", EngineKind.Uring), ("threads", EngineKind.Threads));

    public static readonly Setting<Durability> Durability = Settings.Choice("--durability", "When a write counts as done: flushed, flushed every 100 ms, or handed to the system.",
        Storage.KeyValue.Durability.Commit, ("commit", Storage.KeyValue.Durability.Commit), ("interval", Storage.KeyValue.Durability.Interval), ("none", Storage.KeyValue.Durability.None));

    public static readonly Setting<FunctionForm> Functions = Settings.Choice("--functions", "Which form of the storage functions: methods in C#, or with fixed keys the BPF programs, compiled or interpreted.",
        FunctionForm.CSharp, ("csharp", FunctionForm.CSharp), ("bpf", FunctionForm.Bpf), ("interpreted", FunctionForm.InterpretedBpf));

    public static readonly Option<bool> Json = new("--json") { Description = "One JSON object." };

    public static KeyValueStore Open(ParseResult options) => KeyValueStore.Open(options.GetRequiredValue(StorePath), StoreOptions(options));

    public static KeyValueOptions StoreOptions(ParseResult options) =>
        new() { Engine = new StorageEngineOptions { Kind = Engine.Read(options) }, Durability = Durability.Read(options), Functions = Functions.Read(options) };

    /// <summary>A key as people write it: a number for fixed keys, text (or 0x and hexadecimal digits) otherwise.</summary>
    /// <exception cref="UsageException">It is not one.</exception>
    public static byte[] ParseKey(string text, KeyKind kind, string name)
    {
        if (kind == KeyKind.Fixed)
        {
            if (!ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                throw new UsageException($"{name}: '{text}' must be a whole number from 0 to 2^64 - 1.");
            var key = new byte[8];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(key, number);
            return key;
        }
        return ParseBytes(text, name);
    }

    /// <summary>Bytes as people write them: text, or 0x and hexadecimal digits.</summary>
    public static byte[] ParseBytes(string text, string name)
    {
        if (!text.StartsWith("0x", StringComparison.Ordinal))
            return Encoding.UTF8.GetBytes(text);
        try
        {
            return Convert.FromHexString(text.AsSpan(2));
        }
        catch (FormatException)
        {
            throw new UsageException($"{name}: '{text}' must be text, or 0x and an even number of hexadecimal digits.");
        }
    }

    /// <summary>A key as <see cref="ParseKey"/> takes it.</summary>
    public static string ShowKey(ReadOnlySpan<byte> key, KeyKind kind) => kind == KeyKind.Fixed
        ? System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(key).ToString(CultureInfo.InvariantCulture)
        : ShowBytes(key);

    /// <summary>Bytes as text where they are text of one line, else hexadecimal.</summary>
    public static string ShowBytes(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            if (value is < 0x20 or > 0x7E)
                return $"0x{Convert.ToHexString(bytes)}";
        }
        var text = Encoding.ASCII.GetString(bytes);
        return text.StartsWith("0x", StringComparison.Ordinal) ? $"0x{Convert.ToHexString(bytes)}" : text;
    }
}
