using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.FarMemory.Transports;
using Fathom.Serving.Scheduling;

namespace Fathom.Cli.Commands.Tiers;

/// <summary>The options that put tiers below the KV blocks.</summary>
internal static class TierSettings
{
    public const string Embedded = "embedded";

    private const long FarBytesDefault = 4L << 30;
    private const long KvStoreBytesDefault = 10L << 30;

    public static Setting<string?> FarMemory { get; } =
        Settings.Text("--far-memory", $"{Embedded}|ADDRESS", "Keep KV blocks in far memory: embedded starts six memory nodes on this machine, an address names a block store that servers share.");

    public static Setting<long?> FarMemorySize { get; } =
        Settings.Bytes("--far-memory-size", "KV blocks that embedded far memory keeps; the nodes take half as much again for parity.", "4GiB");

    public static Setting<bool> FetchesAlways { get; } = Settings.Choice(
        "--kv-fetch", "Which KV blocks of the tiers are fetched: those that come faster than they are computed, or all.", false, ("cheaper", false), ("always", true));

    public static Setting<string?> KvStore { get; } = Settings.Text("--kv-store", "PATH", "Keep KV blocks in this file on a drive; it is made when it is not there.");

    public static Setting<long?> KvStoreSize { get; } = Settings.Bytes("--kv-store-size", "Size of that file.", "10GiB");

    public static IEnumerable<Option> All => [FarMemory.Option, FarMemorySize.Option, KvStore.Option, KvStoreSize.Option, FetchesAlways.Option];

    /// <summary>What the options ask for.</summary>
    /// <exception cref="UsageException">They contradict each other or those of the engine.</exception>
    public static TierPlan Read(ParseResult options, SchedulingPolicy policy, bool prefixCaching)
    {
        var (far, farSize) = (FarMemory.Read(options), FarMemorySize.Read(options));
        var (store, storeSize) = (KvStore.Read(options), KvStoreSize.Read(options));
        if (far is not Embedded && farSize is not null)
            throw new UsageException($"{FarMemorySize.Name}: needs {FarMemory.Name} {Embedded}.");
        if (store is null && storeSize is not null)
            throw new UsageException($"{KvStoreSize.Name}: needs {KvStore.Name}.");
        var plan = new TierPlan
        {
            EmbeddedFarBytes = far is Embedded ? farSize ?? FarBytesDefault : null,
            BlockStore = far is null or Embedded ? null : ParseStore(far),
            KvStorePath = store,
            KvStoreBytes = storeSize ?? KvStoreBytesDefault,
            FetchesAlways = FetchesAlways.Read(options),
        };
        if (plan.IsEmpty)
            return plan;
        var asks = far is null ? KvStore.Name : FarMemory.Name;
        if (policy != SchedulingPolicy.Paged)
            throw new UsageException($"{asks}: needs {EngineSettings.Policy.Name} paged.");
        if (!prefixCaching)
            throw new UsageException($"{asks}: needs {EngineSettings.PrefixCaching.Name} on.");
        return plan;
    }

    private static NodeEndpoint ParseStore(string text)
    {
        try
        {
            return NodeEndpoint.Parse(text);
        }
        catch (FormatException failure)
        {
            throw new UsageException($"{FarMemory.Name}: must be {Embedded} or an address: {failure.Message}");
        }
    }
}

/// <summary>Which tiers a command runs.</summary>
internal sealed record TierPlan
{
    /// <summary>Far memory on this machine, of so many bytes.</summary>
    public long? EmbeddedFarBytes { get; init; }

    /// <summary>A block store that servers share.</summary>
    public NodeEndpoint? BlockStore { get; init; }

    /// <summary>A block log on a drive.</summary>
    public string? KvStorePath { get; init; }

    /// <summary>Its size.</summary>
    public long KvStoreBytes { get; init; }

    /// <summary>Fetches also what would be computed faster.</summary>
    public bool FetchesAlways { get; init; }

    public bool IsEmpty => EmbeddedFarBytes is null && BlockStore is null && KvStorePath is null;
}
