namespace Fathom.Serving.KvCache;

/// <summary>Which block holds which content.</summary>
/// <remarks>The scheduler's thread changes it; any thread may ask, for an answer that may be old when it comes. One lock guards it.</remarks>
internal sealed class PrefixIndex(int blocks)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PrefixHash, int> _blocks = new(blocks);

    public int Count => _blocks.Count;

    public bool TryFind(PrefixHash content, out int block)
    {
        lock (_lock)
            return _blocks.TryGetValue(content, out block);
    }

    public bool TryAdd(PrefixHash content, int block)
    {
        lock (_lock)
            return _blocks.TryAdd(content, block);
    }

    public bool Remove(PrefixHash content)
    {
        lock (_lock)
            return _blocks.Remove(content);
    }

    /// <summary>How many leading links of a chain are there. Any thread.</summary>
    public int CountPrefix(ReadOnlySpan<UInt128> chain)
    {
        lock (_lock)
        {
            int known = 0;
            while (known < chain.Length && _blocks.ContainsKey(new PrefixHash(chain[known])))
                known++;
            return known;
        }
    }
}
