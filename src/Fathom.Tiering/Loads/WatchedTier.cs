using Fathom.Memory;
using Fathom.Tiering.Metrics;
using Fathom.Tiering.Tiers;
using Microsoft.Extensions.Logging;

namespace Fathom.Tiering.Loads;

/// <summary>A tier with what is known of it: whether it answers, what its fetches cost, what it gave.</summary>
/// <remarks>Any thread.</remarks>
internal sealed class WatchedTier
{
    private readonly IKvTier _tier;
    private readonly KvTieringOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TierCircuit _circuit;

    public WatchedTier(IKvTier tier, KvTieringOptions options, TieringMetrics metrics, TimeProvider time, ILogger logger)
    {
        _tier = tier;
        _options = options;
        _time = time;
        _logger = logger;
        _circuit = new TierCircuit(options.FailuresMax, options.PauseMin, options.PauseMax);
        Account = metrics.Open(tier.Name, () => tier.Usage);
    }

    public string Name => _tier.Name;

    public TierAccount Account { get; }

    public FetchCost Cost { get; } = new();

    public KvTierUsage Usage => _tier.Usage;

    public bool IsPaused => _circuit.IsOpen;

    /// <summary>Asks how much of a chain the tier has, for a bounded time.</summary>
    public async ValueTask<KvPrefixMatch> MatchAsync(ReadOnlyMemory<KvBlockKey> chain)
    {
        if (!_circuit.Allows(_time.GetUtcNow()))
            return KvPrefixMatch.Failed;
        using var patience = new CancellationTokenSource(_options.LookUpTime, _time);
        var asking = _tier.MatchPrefixAsync(_options.Root, chain, patience.Token);
        KvPrefixMatch match;
        try
        {
            // A tier that does not heed its token is not waited for either: a look-up writes nowhere.
            match = asking.IsCompletedSuccessfully ? asking.Result : await asking.AsTask().WaitAsync(_options.LookUpTime * 2, _time);
        }
        catch (TimeoutException)
        {
            match = KvPrefixMatch.Failed;
        }
        Judge(!match.HasFailed, "look-up");
        return match;
    }

    public void Release(KvLease lease) => _tier.Release(lease);

    /// <summary>Fetches blocks; learns what that cost.</summary>
    public async Task FetchAsync(
        ReadOnlyMemory<KvBlockKey> keys, ReadOnlyMemory<NativeView> destinations, Memory<KvBlockStatus> statuses, CancellationToken cancellation)
    {
        var start = _time.GetTimestamp();
        await _tier.GetBatchAsync(keys, destinations, statuses, cancellation);
        var seconds = _time.GetElapsedTime(start).TotalSeconds;
        Cost.Learn(keys.Length, seconds);
        int done = 0, failed = 0;
        foreach (var status in statuses.Span)
        {
            done += status == KvBlockStatus.Done ? 1 : 0;
            failed += status is KvBlockStatus.Failed or KvBlockStatus.Cancelled ? 1 : 0;
        }
        Account.Fetched(done, seconds);
        Judge(failed == 0, "fetch");
    }

    /// <summary>A fetch was given up that has not even ended.</summary>
    public void CountOverdue() => Judge(false, "fetch");

    /// <summary>Writes blocks; those that the tier does not take are counted.</summary>
    public async Task StoreAsync(ReadOnlyMemory<KvBlockPut> blocks, Memory<KvBlockStatus> statuses)
    {
        if (!_circuit.Allows(_time.GetUtcNow()))
        {
            Account.NotStored(blocks.Length);
            return;
        }
        using var patience = new CancellationTokenSource(_options.StoreTime, _time);
        await _tier.PutBatchAsync(blocks, statuses, patience.Token);
        int stored = 0, refused = 0;
        var hasFailed = false;
        foreach (var status in statuses.Span)
        {
            stored += status == KvBlockStatus.Done ? 1 : 0;
            refused += status is KvBlockStatus.Done or KvBlockStatus.AlreadyThere ? 0 : 1;
            hasFailed |= status is KvBlockStatus.Failed or KvBlockStatus.Cancelled;
        }
        Account.Stored(stored);
        Account.NotStored(refused);
        Judge(!hasFailed, "write");
    }

    private void Judge(bool hasAnswered, string operation)
    {
        if (hasAnswered)
        {
            if (_circuit.Succeeded())
                _logger.TierIsBack(Name);
        }
        else if (_circuit.Failed(_time.GetUtcNow()))
        {
            _logger.TierPauses(Name, operation);
        }
    }
}
