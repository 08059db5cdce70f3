using System.Runtime.InteropServices;
using Fathom.Serving.KvCache;
using Fathom.Serving.Scheduling;

namespace Fathom.Serving.Tests.Simulation;

/// <summary>Tiers that keep tokens as KV content; lossy ones forget at random and bring any part of what was asked for.</summary>
internal sealed class SimulatedTiers(Random random, bool isLossy)
{
    private readonly Dictionary<UInt128, int[]> _blocks = [];

    /// <summary>Loads that nobody has disposed.</summary>
    public int Open { get; private set; }

    public void Store(in StorableBlock block, ReadOnlySpan<int> tokens)
    {
        Assert.Equal(block.Depth == 0 ? PrefixHash.Root.Extend(tokens) : block.Parent.Extend(tokens), block.Name);
        if (!isLossy || random.Next(8) > 0)
            _blocks[block.Name.Value] = tokens.ToArray();
    }

    public SimulatedLoad? Load(UInt128[] chain, int first)
    {
        if (isLossy && random.Next(16) == 0)
            _blocks.Remove(chain[random.Next(chain.Length)]);
        int end = first;
        while (end < chain.Length && _blocks.ContainsKey(chain[end]))
            end++;
        if (end == first)
            return null;
        Open++;
        int[][] contents = [.. chain[first..end].Select(name => _blocks[name])];
        return new SimulatedLoad(first, contents, isLossy && random.Next(4) == 0 ? random.Next(end - first) : end - first, () => Open--);
    }
}

/// <summary>A load that ends when the host says so.</summary>
internal sealed class SimulatedLoad(int first, int[][] contents, int arrives, Action disposed) : IKvLoad
{
    private readonly TaskCompletionSource _completion = new();
    private bool _isDisposed;

    public int First => first;

    public int Blocks { get; private set; }

    public Task Completion => _completion.Task;

    public void End()
    {
        Blocks = arrives;
        _completion.SetResult();
    }

    public ReadOnlySpan<byte> Content(int index)
    {
        Assert.False(_isDisposed, "a load is read after its disposal");
        Assert.InRange(index, 0, Blocks - 1);
        return MemoryMarshal.AsBytes(contents[index].AsSpan());
    }

    public void CountUse(int blocks)
    {
        // These tiers keep no account.
    }

    public void Dispose()
    {
        Assert.False(_isDisposed, "a load is disposed twice");
        _isDisposed = true;
        disposed();
    }
}
