using System.CommandLine;
using Fathom.Cli.CommandLine;
using Fathom.Kernels.Attention;
using Fathom.Serving.Scheduling;

namespace Fathom.Cli.Commands;

/// <summary>The options of every command that runs a model: how much of the machine it takes and how it schedules.</summary>
internal static class EngineSettings
{
    public static Setting<int> Threads { get; } =
        Settings.Integer("--threads", "Compute threads; 0 is one per physical core that the process may use.", 0, 0, 1024);

    public static Setting<int> MaxBatch { get; } =
        Settings.Integer("--max-batch", "Most sequences in one iteration.", 16, 1, 4096);

    public static Setting<int?> MaxContext { get; } =
        Settings.Optional("--max-context", "N", "Most tokens of a prompt and its output together.", "the model's own", 1, int.MaxValue);

    public static Setting<long?> KvMemory { get; } =
        Settings.Bytes("--kv-memory", "Memory for keys and values.", "room for --max-batch full contexts, at most a quarter of the machine's memory");

    public static Setting<KvType> KvFormat { get; } = KvFormatWithDefault(KvType.F16);

    public static Setting<SchedulingPolicy> Policy { get; } = Settings.Choice(
        "--policy", "Which rule picks the sequences of an iteration.", SchedulingPolicy.Paged,
        ("paged", SchedulingPolicy.Paged), ("orca", SchedulingPolicy.Orca), ("request", SchedulingPolicy.Request));

    public static Setting<int> TokenBudget { get; } =
        Settings.Integer("--token-budget", "Most tokens the paged policy computes in one iteration.", 512, 1, 1 << 20);

    public static Setting<bool> PrefixCaching { get; } =
        Settings.Choice("--prefix-caching", "Reuse the blocks of prompts that were seen.", true, ("on", true), ("off", false));

    public static Setting<bool> PackedCache { get; } =
        Settings.Choice("--packed-cache", "Keep packed weights in a file beside the model, and map it at the next start.", false, ("on", true), ("off", false));

    /// <summary>How keys and values are stored, for a command with its own default.</summary>
    public static Setting<KvType> KvFormatWithDefault(KvType type) =>
        Settings.Choice("--kv-type", "How keys and values are stored.", type, ("f16", KvType.F16), ("q8_0", KvType.Q8_0), ("f32", KvType.F32));

    /// <summary>Options for a command that runs one conversation at a time.</summary>
    public static IEnumerable<Option> SingleUser => [ModelSource.Option.Option, Threads.Option, MaxContext.Option, KvMemory.Option, KvFormat.Option, PackedCache.Option];

    /// <summary>Options for a command that serves many.</summary>
    public static IEnumerable<Option> Serving => [.. SingleUser, MaxBatch.Option, Policy.Option, TokenBudget.Option, PrefixCaching.Option];
}
