using Fathom.Serving.Scheduling;
using Fathom.Serving.Tests.Simulation;
using FsCheck;
using FsCheck.Fluent;

namespace Fathom.Serving.Tests.Scheduling;

/// <summary>The invariants of Algorithm 1, over arbitrary interleavings of arrivals, iterations and cancellations.</summary>
public class OrcaSelectionTests
{
    private const int Slots = 40 * 16;

    [Fact]
    public void Algorithm1_AnyScript_KeepsItsInvariants()
    {
        Arbitrary<byte[]> scripts = Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf(400).ToArbitrary();
        Prop.ForAll(scripts, Gen.Choose(1, 4).ToArbitrary(), Gen.Choose(1, 6).ToArbitrary(), RunScript)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(150));
    }

    [Fact]
    public void Select_SmallerLaterRequest_DoesNotOvertakeTheOneThatWaitsForSlots()
    {
        SchedulerHost host = Host(maxBatch: 8, workers: 1);
        host.Arrive(host.NewRequest(400, 20));
        SequenceGroup waits = host.NewRequest(300, 20);
        SequenceGroup small = host.NewRequest(10, 2);
        host.Arrive(waits);
        host.Arrive(small);

        Assert.True(host.Schedule());

        Assert.Equal(0, host.Iterations[waits.Id]);
        Assert.Equal(0, host.Iterations[small.Id]);
        host.RunToEnd();
        Assert.Equal([1, 3, 2], host.Returned.Select(id => (int)id.Value));
    }

    [Fact]
    public void TryAdd_MoreTokensThanSlots_IsRefused()
    {
        SchedulerHost host = Host(maxBatch: 8, workers: 1);

        Assert.True(host.Arrive(host.NewRequest(Slots - 10, 10)));
        Assert.False(host.Arrive(host.NewRequest(Slots - 10, 11)));
        Assert.False(host.Arrive(host.NewRequest((Slots / 2) - 10, 11, choices: 2)));
        host.RunToEnd();
    }

    [Fact]
    public void TrySchedule_EmptyPool_WaitsForAnArrival()
    {
        SchedulerHost host = Host(maxBatch: 8, workers: 2);
        Assert.False(host.Schedule());

        host.Arrive(host.NewRequest(10, 5));

        Assert.True(host.Schedule());
        Assert.False(host.Schedule());
        Assert.True(host.Return());
        Assert.True(host.Schedule());
    }

    [Fact]
    public void TrySchedule_TwoWorkers_FillsBothWithDifferentRequests()
    {
        SchedulerHost host = Host(maxBatch: 2, workers: 2);
        for (int i = 0; i < 4; i++)
            host.Arrive(host.NewRequest(10, 5));

        Assert.True(host.Schedule());
        Assert.True(host.Schedule());
        Assert.False(host.Schedule());

        Assert.All(host.Iterations.Values, count => Assert.Equal(1, count));
    }

    [Fact]
    public void Reservation_IsMadeOnceAndReturnsWithTheRequest()
    {
        SchedulerHost host = Host(maxBatch: 4, workers: 1);
        host.Arrive(host.NewRequest(20, 3));
        var orca = (OrcaSelection)host.Scheduler.Selection;

        host.Schedule();
        Assert.Equal(32, orca.Reserved);
        host.Return();
        host.Schedule();
        Assert.Equal(32, orca.Reserved);
        host.RunToEnd();
        Assert.Equal(0, orca.Reserved);
    }

    private static void RunScript(byte[] script, int workers, int maxBatch)
    {
        SchedulerHost host = Host(maxBatch, workers);
        var orca = (OrcaSelection)host.Scheduler.Selection;
        foreach (byte operation in script)
        {
            switch (operation % 8)
            {
                case 0:
                    host.Arrive(host.NewRequest(1 + (operation / 2), 1 + (operation % 23), choices: Math.Min(maxBatch, 1 + (operation % 3))));
                    break;
                case 1 when operation % 16 == 1:
                    host.CancelAny();
                    break;
                case 2 or 3 or 4:
                    host.Schedule();
                    break;
                default:
                    host.Return();
                    break;
            }

            Assert.InRange(orca.Reserved, 0, orca.Slots);
            Assert.InRange(host.Scheduler.InFlight, 0, workers);
            AssertFirstComeFirstServed(host);
        }

        host.RunToEnd();
        Assert.Equal(0, orca.Reserved);
        Assert.Equal(host.Scheduler.Blocks.Total, host.Scheduler.Blocks.Free);
    }

    /// <summary>If x arrived before y, x has run at least as many iterations as y.</summary>
    private static void AssertFirstComeFirstServed(SchedulerHost host)
    {
        int least = int.MaxValue;
        foreach (SequenceGroup group in host.Live.OrderBy(group => group.Id))
        {
            Assert.True(host.Iterations[group.Id] <= least, $"request {group.Id.Value} has overtaken an earlier one");
            least = host.Iterations[group.Id];
        }
    }

    private static SchedulerHost Host(int maxBatch, int workers) =>
        new(new SchedulerOptions { Policy = SchedulingPolicy.Orca, Blocks = Slots / 16, MaxBatch = maxBatch, Workers = workers }, seed: 1) { EndChance = 0.02 };
}
