using System.Diagnostics;
using Fathom.Memory;

namespace Fathom.FarMemory.Epochs;

/// <summary>
/// Grace periods of one heap: a background thread marks pointers, then learns when no scope that began before the marks is left, and
/// which scopes stay open so long that it works around them.
/// </summary>
/// <remarks>
/// Any thread may call any member. Scopes cost their threads no fence: <see cref="Advance"/> pays for all of them with one
/// process-wide barrier. After it, a scope that begins sees every mark, and one that was open is visible as open.
/// </remarks>
internal sealed unsafe class EpochDomain : IDisposable
{
    private readonly Lock _lock = new();
    private readonly NativeBuffer _epoch = NativeBuffer.Allocate(128, alignment: 128);
    private readonly ulong _firstPage;
    private readonly long _pages;
    private volatile EpochParticipant[] _participants = [];
    private long _scopesBypassed;
    private long _scopesLong;

    public EpochDomain(ulong firstPage, long pages)
    {
        _firstPage = firstPage;
        _pages = pages;
        *Current = 1; // 0 in a slot says that no scope is open
    }

    /// <summary>Times that a grace period ended with a scope still open, which was worked around.</summary>
    public long ScopesBypassed => Interlocked.Read(ref _scopesBypassed);

    /// <summary>Scopes that stayed open past the watchdog's limit, each counted once.</summary>
    public long ScopesLong => Interlocked.Read(ref _scopesLong);

    private ulong* Current => (ulong*)_epoch.Pointer;

    /// <summary>Registers the calling thread.</summary>
    public EpochParticipant Join()
    {
        var participant = new EpochParticipant(Current, _firstPage, _pages);
        lock (_lock)
            _participants = [.. _participants, participant];
        return participant;
    }

    /// <summary>Removes the participants whose threads have ended and hands them to <paramref name="left"/>.</summary>
    public void Sweep(Action<EpochParticipant> left)
    {
        if (!Array.Exists(_participants, p => p.IsAbandoned))
            return;
        EpochParticipant[] gone;
        lock (_lock)
        {
            gone = Array.FindAll(_participants, p => p.IsAbandoned);
            _participants = Array.FindAll(_participants, p => !p.IsAbandoned);
        }
        foreach (var participant in gone)
            left(participant);
    }

    /// <summary>Begins a grace period: everything written before this call is seen by every scope that begins after it.</summary>
    /// <returns>The epoch to hand to <see cref="Wait"/>.</returns>
    public ulong Advance()
    {
        var epoch = Interlocked.Increment(ref *Current);
        Interlocked.MemoryBarrierProcessWide();
        return epoch;
    }

    /// <summary>Waits until no scope from before <paramref name="epoch"/> is open, but not for scopes that stay.</summary>
    /// <param name="epoch">What <see cref="Advance"/> returned.</param>
    /// <param name="patience">How long to wait for open scopes before they are reported instead.</param>
    /// <param name="stragglers">Receives the participants whose scopes are still open; the caller asks them what they hold.</param>
    public void Wait(ulong epoch, TimeSpan patience, List<EpochParticipant> stragglers)
    {
        stragglers.Clear();
        var start = Stopwatch.GetTimestamp();
        foreach (var participant in _participants)
        {
            var slot = participant.Slot;
            var spin = new SpinWait();
            while (IsOpenBefore(slot, epoch))
            {
                if (Volatile.Read(ref slot->Parked) != 0 || Stopwatch.GetElapsedTime(start) > patience)
                {
                    stragglers.Add(participant);
                    Interlocked.Increment(ref _scopesBypassed);
                    break;
                }
                spin.SpinOnce(sleep1Threshold: -1);
            }
        }
    }

    /// <summary>One tick of the watchdog: counts scopes that were already open <paramref name="ticks"/> ticks ago.</summary>
    /// <param name="ticks">Age, in calls of this method, from which a scope counts as long.</param>
    /// <param name="report">Called for each scope that crosses the limit.</param>
    public void Watch(ulong ticks, Action<EpochParticipant> report)
    {
        Advance(); // a scope entered after this tick has another epoch than one that stayed
        foreach (var participant in _participants)
        {
            var active = Volatile.Read(ref participant.Slot->ActiveEpoch);
            if (active == 0 || active == participant.ReportedEpoch || participant.WatchedEpoch != active)
            {
                participant.WatchedEpoch = active;
                participant.WatchedTicks = 0;
                continue;
            }
            if (++participant.WatchedTicks < ticks)
                continue;
            participant.ReportedEpoch = active;
            Interlocked.Increment(ref _scopesLong);
            report(participant);
        }
    }

    public void Dispose()
    {
        foreach (var participant in _participants)
            participant.Dispose();
        _epoch.Dispose();
    }

    private static bool IsOpenBefore(EpochSlot* slot, ulong epoch) =>
        Volatile.Read(ref slot->ActiveEpoch) is var active && active != 0 && active < epoch;
}
