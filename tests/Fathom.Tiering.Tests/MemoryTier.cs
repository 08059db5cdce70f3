using Fathom.Memory;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Tests;

/// <summary>What a <see cref="MemoryTier"/> does wrong, each with a chance from 0 to 1.</summary>
internal sealed record TierFaults(double Fails = 0, double Loses = 0, double Corrupts = 0, double Delays = 0, double Hangs = 0)
{
    public static TierFaults None { get; } = new();
}

/// <summary>A tier in managed memory that keeps <see cref="IKvTier"/>'s contract, and breaks it where its faults say so.</summary>
internal sealed class MemoryTier(string name, int seed = 1, TierFaults? faults = null) : IKvTier
{
    private readonly Lock _lock = new();
    private readonly Random _random = new(seed);
    private readonly Dictionary<KvBlockKey, byte[]> _blocks = [];
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _corrupt;

    public TierFaults Faults { get; set; } = faults ?? TierFaults.None;

    public string Name => name;

    public TimeSpan LeaseTime => TimeSpan.FromSeconds(1);

    public int LookUps { get; private set; }

    public int Fetches { get; private set; }

    public KvTierUsage Usage
    {
        get
        {
            lock (_lock)
                return new KvTierUsage(_blocks.Count, _blocks.Values.Sum(block => (long)block.Length), 1L << 40, 0, _corrupt);
        }
    }

    public IReadOnlyCollection<KvBlockKey> Keys
    {
        get
        {
            lock (_lock)
                return [.. _blocks.Keys];
        }
    }

    /// <summary>Lets operations that hang go on.</summary>
    public void EndHanging() => _released.TrySetResult();

    public async ValueTask<KvPrefixMatch> MatchPrefixAsync(KvBlockKey root, ReadOnlyMemory<KvBlockKey> chain, CancellationToken cancellation)
    {
        if (await MisbehaveAsync(cancellation))
            return KvPrefixMatch.Failed;
        lock (_lock)
        {
            LookUps++;
            var blocks = 0;
            while (blocks < chain.Length && _blocks.ContainsKey(chain.Span[blocks]))
                blocks++;
            return new KvPrefixMatch(blocks, default);
        }
    }

    public void Release(KvLease lease)
    {
        // Nothing is evicted here.
    }

    public async ValueTask GetBatchAsync(
        ReadOnlyMemory<KvBlockKey> keys, ReadOnlyMemory<NativeView> destinations, Memory<KvBlockStatus> statuses, CancellationToken cancellation)
    {
        var fails = await MisbehaveAsync(cancellation);
        lock (_lock)
        {
            Fetches++;
            for (var i = 0; i < keys.Length; i++)
                statuses.Span[i] = fails ? KvBlockStatus.Failed : Read(keys.Span[i], destinations.Span[i]);
        }
    }

    public async ValueTask PutBatchAsync(ReadOnlyMemory<KvBlockPut> blocks, Memory<KvBlockStatus> statuses, CancellationToken cancellation)
    {
        var fails = await MisbehaveAsync(cancellation);
        lock (_lock)
        {
            for (var i = 0; i < blocks.Length; i++)
            {
                var put = blocks.Span[i];
                statuses.Span[i] = fails ? KvBlockStatus.Failed
                    : _blocks.TryAdd(put.Key, put.Content.AsSpan<byte>().ToArray()) ? KvBlockStatus.Done : KvBlockStatus.AlreadyThere;
            }
        }
    }

    public KvBlockStatus Remove(KvBlockKey key)
    {
        lock (_lock)
            return _blocks.Remove(key) ? KvBlockStatus.Done : KvBlockStatus.Missing;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private KvBlockStatus Read(KvBlockKey key, NativeView destination)
    {
        if (Chance(Faults.Loses))
            _blocks.Remove(key);
        if (!_blocks.TryGetValue(key, out var block))
            return KvBlockStatus.Missing;
        if (Chance(Faults.Corrupts))
        {
            // A tier that finds wrong bytes has them already where they were wanted.
            destination.AsSpan<byte>().Fill(0xEE);
            _blocks.Remove(key);
            _corrupt++;
            return KvBlockStatus.Corrupt;
        }
        if (block.Length != destination.Length)
            return KvBlockStatus.WrongLength;
        block.CopyTo(destination.AsSpan<byte>());
        return KvBlockStatus.Done;
    }

    private async ValueTask<bool> MisbehaveAsync(CancellationToken cancellation)
    {
        bool fails, delays, hangs;
        lock (_lock)
            (fails, delays, hangs) = (Chance(Faults.Fails), Chance(Faults.Delays), Chance(Faults.Hangs));
        if (hangs)
            await _released.Task; // whatever the token says
        else if (delays)
            await Task.WhenAny(Task.Delay(_random.Next(1, 20), CancellationToken.None), Task.Delay(Timeout.Infinite, cancellation));
        return fails;
    }

    private bool Chance(double chance) => chance > 0 && _random.NextDouble() < chance;
}
