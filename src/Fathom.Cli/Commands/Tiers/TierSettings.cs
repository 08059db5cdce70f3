using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Serving.Scheduling;

namespace Fathom.Cli.Commands.Tiers;

/// <summary>The options that put tiers below the KV blocks.</summary>
internal static class TierSettings
{
    public const string Embedded = "embedded";

    private const long FarBytesDefault = 4L << 30;

    public static Setting<string?> FarMemory { get; } =
        Settings.Text("--far-memory", Embedded, "Keep KV blocks in far memory: embedded starts six memory nodes on this machine.");

    public static Setting<long?> FarMemorySize { get; } =
        Settings.Bytes("--far-memory-size", "KV blocks that embedded far memory keeps; the nodes take half as much again for parity.", "4GiB");

    public static Setting<bool> FetchesAlways { get; } = Settings.Choice(
        "--kv-fetch", "Which KV blocks of the tiers are fetched: those that come faster than they are computed, or all.", false, ("cheaper", false), ("always", true));

    public static IEnumerable<Option> All => [FarMemory.Option, FarMemorySize.Option, FetchesAlways.Option];

    /// <summary>What the options ask for.</summary>
    /// <exception cref="UsageException">They contradict each other or those of the engine.</exception>
    public static TierPlan Read(ParseResult options, SchedulingPolicy policy, bool prefixCaching)
    {
        var far = FarMemory.Read(options);
        var farSize = FarMemorySize.Read(options);
        if (far is not null and not Embedded)
            throw new UsageException($"{FarMemory.Name}: '{far}' must be {Embedded}.");
        if (far is null && farSize is not null)
            throw new UsageException($"{FarMemorySize.Name}: needs {FarMemory.Name} {Embedded}.");
        var plan = new TierPlan(far is null ? null : farSize ?? FarBytesDefault) { FetchesAlways = FetchesAlways.Read(options) };
        if (plan.IsEmpty)
            return plan;
        if (policy != SchedulingPolicy.Paged)
            throw new UsageException($"{FarMemory.Name}: needs {EngineSettings.Policy.Name} paged.");
        if (!prefixCaching)
            throw new UsageException($"{FarMemory.Name}: needs {EngineSettings.PrefixCaching.Name} on.");
        return plan;
    }
}

/// <summary>Which tiers a command runs.</summary>
/// <param name="EmbeddedFarBytes">Far memory on this machine, of so many bytes; null for none.</param>
internal sealed record TierPlan(long? EmbeddedFarBytes)
{
    /// <summary>Fetches also what would be computed faster.</summary>
    public bool FetchesAlways { get; init; }

    public bool IsEmpty => EmbeddedFarBytes is null;
}
