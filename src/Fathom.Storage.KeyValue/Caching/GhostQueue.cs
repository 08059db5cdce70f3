namespace Fathom.Storage.KeyValue.Caching;

/// <summary>Hashes of what left the cache unused, oldest first out: who comes again while it is here is worth keeping.</summary>
/// <remarks>Not safe for several threads.</remarks>
internal sealed class GhostQueue
{
    /// <summary>What one costs: a place in the queue and one in the set.</summary>
    public const int BytesEach = 40;

    private const int CountMin = 64;

    private readonly Queue<ulong> _order = new();
    private readonly HashSet<ulong> _hashes = [];

    /// <summary>Adds a hash; keeps about as many as <paramref name="countMax"/>.</summary>
    public void Add(ulong hash, int countMax)
    {
        if (_hashes.Add(hash))
            _order.Enqueue(hash);
        while (_order.Count > Math.Max(CountMin, countMax))
            _hashes.Remove(_order.Dequeue());
    }

    /// <summary>Takes a hash out; true when it was here.</summary>
    public bool Remove(ulong hash) => _hashes.Remove(hash);
}
