using Fathom.FarMemory.Epochs;

namespace Fathom.FarMemory.Tests.Epochs;

public sealed unsafe class EpochDomainTests : IDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    private readonly EpochDomain _domain = new(firstPage: 1000, pages: 10_000);
    private readonly List<EpochParticipant> _stragglers = [];

    public void Dispose() => _domain.Dispose();

    [Fact]
    public void Wait_NoScopeOpen_EndsAtOnce()
    {
        _domain.Join();
        _domain.Wait(_domain.Advance(), Long, _stragglers);
        Assert.Empty(_stragglers);
    }

    [Fact]
    public void Wait_ScopeBegunAfterwards_IsNotWaitedFor()
    {
        var participant = _domain.Join();
        var epoch = _domain.Advance();
        participant.Slot->Enter();
        _domain.Wait(epoch, Long, _stragglers);
        Assert.Empty(_stragglers);
    }

    [Fact]
    public void Wait_ScopeStaysOpen_IsReportedAndCounted()
    {
        var participant = _domain.Join();
        participant.Slot->Enter();
        _domain.Wait(_domain.Advance(), Short, _stragglers);
        Assert.Same(participant, Assert.Single(_stragglers));
        Assert.Equal(1, _domain.ScopesBypassed);
        participant.Slot->Exit();
        _domain.Wait(_domain.Advance(), Long, _stragglers);
        Assert.Empty(_stragglers);
    }

    [Fact]
    public void Wait_ScopeThatIsParked_IsReportedAtOnce()
    {
        var participant = _domain.Join();
        participant.Slot->Enter();
        participant.Slot->Parked = 1;
        _domain.Wait(_domain.Advance(), Long, _stragglers);
        Assert.Single(_stragglers);
    }

    [Fact]
    public void Wait_ScopeEndsOnItsThread_EndsTheGracePeriod()
    {
        using var entered = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        var thread = new Thread(() =>
        {
            var participant = _domain.Join();
            participant.Slot->Enter();
            entered.Set();
            leave.Wait();
            participant.Slot->Exit();
        });
        thread.Start();
        entered.Wait();
        var epoch = _domain.Advance();
        leave.Set();
        _domain.Wait(epoch, Long, _stragglers);
        Assert.Empty(_stragglers);
        thread.Join();
    }

    [Fact]
    public void Exit_Nested_EndsWithTheOutermost()
    {
        var participant = _domain.Join();
        participant.Slot->Enter();
        participant.Slot->Enter();
        participant.Slot->Exit();
        Assert.NotEqual(0UL, participant.Slot->ActiveEpoch);
        participant.Slot->Exit();
        Assert.Equal(0UL, participant.Slot->ActiveEpoch);
        participant.Slot->Exit(); // a copy disposed once more
        Assert.Equal(0u, participant.Slot->Depth);
    }

    [Fact]
    public void Holds_LoggedPagesAndSpilledOnes_UntilTheScopeEnds()
    {
        var participant = _domain.Join();
        participant.Slot->Enter();
        Touch(participant, 1005);
        Assert.True(participant.Holds(1005, 1));
        Assert.True(participant.Holds(1000, 6));
        Assert.False(participant.Holds(1006, 100));
        for (uint page = 0; page < EpochSlot.LogEntriesMax; page++)
            Touch(participant, 2000 + page);
        Assert.Equal(1u, participant.Slot->HeldInUse);
        Assert.True(participant.Holds(1005, 1));
        Assert.True(participant.Holds(2000 + EpochSlot.LogEntriesMax - 1, 1));
        Assert.False(participant.Holds(1006, 100));
        Assert.Equal(EpochSlot.LogEntriesMax + 1, participant.PagesHeld());
        if (participant.Slot->Exit())
            participant.ClearHeld();
        Assert.False(participant.Holds(1005, 1));
        Assert.Equal(0, participant.PagesHeld());
    }

    [Fact]
    public void Watch_ScopeOpenForLong_IsCountedOnce()
    {
        var participant = _domain.Join();
        var reports = 0;
        participant.Slot->Enter();
        for (var tick = 0; tick < 10; tick++)
            _domain.Watch(3, _ => reports++);
        Assert.Equal(1, reports);
        Assert.Equal(1, _domain.ScopesLong);
        participant.Slot->Exit();
        participant.Slot->Enter();
        for (var tick = 0; tick < 10; tick++)
            _domain.Watch(3, _ => reports++);
        Assert.Equal(2, reports);
    }

    [Fact]
    public void Sweep_ThreadGone_LeavesTheDomain()
    {
        var participant = _domain.Join();
        participant.Slot->Enter(); // it ended inside a scope: nobody is left to leave it
        participant.IsAbandoned = true;
        var left = new List<EpochParticipant>();
        _domain.Sweep(left.Add);
        Assert.Same(participant, Assert.Single(left));
        _domain.Wait(_domain.Advance(), Long, _stragglers);
        Assert.Empty(_stragglers);
        participant.Dispose();
    }

    private static void Touch(EpochParticipant participant, uint page)
    {
        if (participant.Slot->LogCount == EpochSlot.LogEntriesMax)
            participant.SpillLog();
        participant.Slot->Log[participant.Slot->LogCount++] = page;
    }
}
