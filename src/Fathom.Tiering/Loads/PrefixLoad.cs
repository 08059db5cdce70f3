using Fathom.Memory;
using Fathom.Serving.KvCache;
using Fathom.Tiering.Metrics;
using Fathom.Tiering.Tiers;

namespace Fathom.Tiering.Loads;

/// <summary>
/// One prompt's blocks on their way in: asks each tier in turn how far it reaches, fetches every part from the first that has it, side
/// by side, and keeps what has arrived without a gap when the time is over.
/// </summary>
/// <remarks>
/// The engine waits for <see cref="Completion"/>, then reads, then disposes; it may dispose at any time. The places go back when it has
/// and no tier writes to them any more. <c>_lock</c> guards the fields that the engine, the timer and the run share.
/// </remarks>
internal sealed class PrefixLoad : IKvLoad
{
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(50);

    private readonly LoadGround _ground;
    private readonly KvBlockKey[] _chain;
    private readonly double _recomputeSeconds;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _cancel = new();
    private readonly TaskCompletionSource _completion = new();
    private int[] _places = [];
    private TierPart[] _parts = [];
    private int _blocks;
    private bool _isOverdue;
    private bool _isRunning = true;
    private bool _isDisposed;

    public PrefixLoad(LoadGround ground, ReadOnlySpan<UInt128> chain, int first, double recomputeSeconds)
    {
        _ground = ground;
        _chain = new KvBlockKey[chain.Length];
        for (var i = 0; i < chain.Length; i++)
            _chain[i] = new KvBlockKey(chain[i]);
        First = first;
        _recomputeSeconds = recomputeSeconds;
    }

    public int First { get; }

    public int Blocks
    {
        get
        {
            lock (_lock)
                return _blocks;
        }
    }

    public Task Completion => _completion.Task;

    public ReadOnlySpan<byte> Content(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Blocks, nameof(index));
        return _ground.Memory.View(_places[index]).AsSpan<byte>();
    }

    public void CountUse(int blocks)
    {
        foreach (var part in _parts)
        {
            var used = Math.Clamp(First + blocks - part.First, 0, part.Count);
            part.Tier.Account.Used(used, used * _recomputeSeconds);
        }
    }

    public void Dispose()
    {
        int[] places;
        lock (_lock)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            _blocks = 0;
            places = TakePlacesIfDone();
        }
        _cancel.Cancel();
        _ground.Memory.Return(places);
    }

    /// <summary>Does the work. Never faults.</summary>
    public async Task RunAsync()
    {
        var arrived = 0;
        try
        {
            arrived = await BringAsync();
        }
        catch (Exception failure)
        {
            // The boundary to tiers that others write: a load that failed is a miss.
            _ground.Logger.LoadFailed(failure);
        }
        End(arrived);
    }

    private async Task<int> BringAsync()
    {
        var parts = await MatchAsync();
        if (parts.Count == 0)
            return 0;
        try
        {
            var count = Math.Min(parts[^1].End - First, _ground.Memory.Blocks);
            if (!await RentAsync(count))
                return 0;
            // Not on the thread that submitted, nor on the engine's: what follows may copy for a long time.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            return await FetchAsync([.. parts.Where(part => part.First < First + count)], count);
        }
        finally
        {
            foreach (var part in parts)
                part.Tier.Release(part.Lease);
        }
    }

    /// <summary>Which tier gives which part of the chain.</summary>
    private async ValueTask<List<TierPart>> MatchAsync()
    {
        var parts = new List<TierPart>();
        var covered = First;
        foreach (var tier in _ground.Tiers)
        {
            if (covered == _chain.Length)
                break;
            var match = await tier.MatchAsync(_chain);
            var blocks = Math.Max(0, match.Blocks - covered);
            if (!match.HasFailed)
                tier.Account.LookedUp(blocks, _chain.Length - covered - blocks);
            if (blocks > 0 && (_ground.Options.FetchesAlways || tier.Cost.IsWorthwhile(_recomputeSeconds)))
            {
                parts.Add(new TierPart(tier, covered, blocks, match.Lease));
                covered += blocks;
            }
            else
            {
                tier.Release(match.Lease);
                if (blocks > 0)
                    tier.Account.FellBack(FallbackReason.Cost);
            }
        }
        return parts;
    }

    private async ValueTask<bool> RentAsync(int count)
    {
        using var patience = _ground.Time.CreateTimer(_ => _cancel.Cancel(), null, _ground.Options.MemoryWaitTime, Timeout.InfiniteTimeSpan);
        if (await _ground.Memory.RentAsync(count, _cancel.Token) is not { } places)
            return false;
        lock (_lock)
        {
            _places = places;
            return !_isDisposed;
        }
    }

    private async Task<int> FetchAsync(TierPart[] parts, int count)
    {
        var views = new NativeView[count];
        for (var i = 0; i < count; i++)
            views[i] = _ground.Memory.View(_places[i]);
        var statuses = new KvBlockStatus[count];
        statuses.AsSpan().Fill(KvBlockStatus.Missing);
        lock (_lock)
            _parts = parts;
        var time = DeadlineFor(count);
        await using var overdue = _ground.Time.CreateTimer(_ => EndOverdue(), null, time + Grace, Timeout.InfiniteTimeSpan);
        await using var deadline = _ground.Time.CreateTimer(_ => _cancel.Cancel(), null, time, Timeout.InfiniteTimeSpan);

        await Task.WhenAll(parts.Select(part =>
        {
            var (start, length) = (part.First - First, Math.Min(part.Count, First + count - part.First));
            return part.Tier.FetchAsync(
                _chain.AsMemory(part.First, length), views.AsMemory(start, length), statuses.AsMemory(start, length), _cancel.Token);
        }));
        await FetchElsewhereAsync(parts, views, statuses);
        var arrived = 0;
        while (arrived < count && statuses[arrived] == KvBlockStatus.Done)
            arrived++;
        if (arrived < count)
            PartOf(arrived).Tier.Account.FellBack(ReasonFor(statuses[arrived]));
        return arrived;
    }

    /// <summary>What a tier matched and could not give may lie in one below it, which was not asked for it.</summary>
    private async Task FetchElsewhereAsync(TierPart[] parts, NativeView[] views, KvBlockStatus[] statuses)
    {
        foreach (var tier in _ground.Tiers.SkipWhile(tier => tier != parts[0].Tier).Skip(1))
        {
            var missing = Enumerable.Range(0, statuses.Length).Where(i => statuses[i] != KvBlockStatus.Done && PartOf(i).Tier != tier).ToArray();
            if (missing.Length == 0 || _cancel.IsCancellationRequested || tier.IsPaused)
                continue;
            var found = new KvBlockStatus[missing.Length];
            await tier.FetchAsync(
                missing.Select(i => _chain[First + i]).ToArray(), missing.Select(i => views[i]).ToArray(), found, _cancel.Token);
            for (var i = 0; i < missing.Length; i++)
            {
                if (found[i] == KvBlockStatus.Done)
                    statuses[missing[i]] = found[i];
            }
        }
    }

    private TierPart PartOf(int index) => _parts.First(part => First + index < part.End);

    /// <summary>As long as computing the blocks would take, within limits.</summary>
    private TimeSpan DeadlineFor(int count)
    {
        var options = _ground.Options;
        if (options.FetchesAlways || _recomputeSeconds == 0)
            return options.FetchTimeMax;
        var recompute = TimeSpan.FromSeconds(Math.Min(_recomputeSeconds * count, options.FetchTimeMax.TotalSeconds));
        return recompute > options.FetchTimeMin ? recompute : options.FetchTimeMin;
    }

    private void End(int arrived)
    {
        int[] places;
        int kept;
        lock (_lock)
        {
            _isRunning = false;
            kept = _blocks = _isDisposed || _isOverdue ? 0 : arrived;
            places = TakePlacesIfDone();
        }
        _ground.Memory.Return(places);
        // The engine computes the rest, and what it computes may be stored again.
        _ground.Forget(_chain.AsSpan(First + kept));
        _completion.TrySetResult();
    }

    /// <summary>A tier has not even heeded the cancellation: the engine goes on, and the places stay out until the tier lets go.</summary>
    private void EndOverdue()
    {
        lock (_lock)
        {
            if (!_isRunning)
                return;
            _isOverdue = true;
        }
        foreach (var part in _parts)
        {
            part.Tier.CountOverdue();
            part.Tier.Account.FellBack(FallbackReason.Deadline);
        }
        _completion.TrySetResult();
    }

    private int[] TakePlacesIfDone()
    {
        if (_isRunning || !_isDisposed)
            return [];
        var places = _places;
        _places = [];
        return places;
    }

    private static FallbackReason ReasonFor(KvBlockStatus status) => status switch
    {
        KvBlockStatus.Cancelled => FallbackReason.Deadline,
        KvBlockStatus.Missing => FallbackReason.Gone,
        KvBlockStatus.Corrupt => FallbackReason.Corrupt,
        _ => FallbackReason.Failure,
    };

    /// <summary>The blocks of a chain that one tier gives.</summary>
    private readonly record struct TierPart(WatchedTier Tier, int First, int Count, KvLease Lease)
    {
        public int End => First + Count;
    }
}
