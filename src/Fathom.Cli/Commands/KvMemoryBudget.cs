using Fathom.Cli.CommandLine;
using Fathom.Kernels.Attention;
using Fathom.Models.Execution;

namespace Fathom.Cli.Commands;

/// <summary>How many KV blocks a model gets.</summary>
internal static class KvMemoryBudget
{
    /// <summary>Blocks in the given memory, or by default room for every sequence's whole context within a quarter of the machine's memory.</summary>
    /// <exception cref="CommandException">The memory does not hold one block.</exception>
    public static int Blocks(TransformerModel model, KvType type, long? bytes, int sequences, int contextTokens)
    {
        var blockBytes = model.KvBlockBytes(type);
        var wanted = (long)sequences * (((contextTokens + KvStorage.BlockTokens - 1) / KvStorage.BlockTokens) + 1);
        var budget = bytes ?? Math.Min(wanted * blockBytes, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4);
        var blocks = Math.Min(budget / blockBytes, int.MaxValue);
        return blocks > 0
            ? (int)blocks
            : throw new CommandException($"--kv-memory: {ByteSize.Format(budget)} holds no block of this model; one takes {ByteSize.Format(blockBytes)}.");
    }
}
