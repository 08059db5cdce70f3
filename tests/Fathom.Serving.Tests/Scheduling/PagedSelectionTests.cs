using Fathom.Serving.Requests;
using Fathom.Serving.Scheduling;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.Scheduling;

public class PagedSelectionTests
{
    [Fact]
    public void LongPrompt_RunsInPiecesBesideDecodes()
    {
        SchedulerHost host = Host(blocks: 64, budget: 32);
        SequenceGroup decodes = host.NewRequest(10, 30);
        host.Arrive(decodes);
        host.Schedule();
        host.Return();
        SequenceGroup prompt = host.NewRequest(100, 5);
        host.Arrive(prompt);

        for (int i = 1; i <= 4; i++)
        {
            int before = decodes.Sequences[0].Total;
            Assert.True(host.Schedule());
            Assert.True(host.Return());
            Assert.Equal(before + 1, decodes.Sequences[0].Total);
            Assert.Equal(Math.Min(100, 31 * i), prompt.Sequences[0].Computed);
        }

        Assert.Equal(101, prompt.Sequences[0].Total);
        host.RunToEnd();
    }

    [Fact]
    public void NoBlockLeft_TheNewestYieldsAndLaterEnds()
    {
        SchedulerHost host = Host(blocks: 8, budget: 512);
        SequenceGroup first = host.NewRequest(40, 60);
        SequenceGroup second = host.NewRequest(40, 60);
        host.Arrive(first);
        host.Arrive(second);

        host.RunToEnd();

        Assert.True(host.Scheduler.Tables.Preemptions > 0);
        Assert.Equal([1, 2], host.Returned.Select(id => (int)id.Value));
        Assert.Equal(100, first.Sequences[0].Total);
        Assert.Equal(100, second.Sequences[0].Total);
    }

    [Fact]
    public void NoBlockLeft_TheLessUrgentYields()
    {
        SchedulerHost host = Host(blocks: 8, budget: 512);
        SequenceGroup patient = host.NewRequest(40, 60, priority: 5);
        SequenceGroup urgent = host.NewRequest(40, 60, priority: -1);
        host.Arrive(patient);
        host.Arrive(urgent);

        host.RunToEnd();

        Assert.Equal([2, 1], host.Returned.Select(id => (int)id.Value));
    }

    [Fact]
    public void Newcomers_StartByPriorityThenArrival()
    {
        SchedulerHost host = Host(blocks: 64, budget: 16, maxBatch: 1);
        foreach (int priority in (int[])[0, 3, -2, 0])
            host.Arrive(host.NewRequest(4, 2, priority: priority));

        host.RunToEnd();

        Assert.Equal([3, 1, 4, 2], host.Returned.Select(id => (int)id.Value));
    }

    [Fact]
    public void TryAdd_MoreTokensThanTheMemory_IsRefused()
    {
        SchedulerHost host = Host(blocks: 8, budget: 512);

        Assert.True(host.Arrive(host.NewRequest(100, 28)));
        Assert.False(host.Arrive(host.NewRequest(100, 29)));
        host.RunToEnd();
    }

    [Fact]
    public void SamePromptAgain_ReusesAllButItsLastBlock()
    {
        SchedulerHost host = Host(blocks: 32, budget: 512);
        SequenceGroup first = host.NewRequest(64, 1, head: 7), second = new(new RequestId(99), first.Sequences[0].Tokens, 1);
        host.Arrive(first);
        host.RunToEnd();
        Assert.Equal(4, host.Scheduler.Blocks.Cached);

        host.Arrive(second);
        host.RunToEnd();

        Assert.Equal(0, first.CachedTokens);
        Assert.Equal(48, second.CachedTokens);
        Assert.Equal(48, host.Scheduler.Tables.PrefixHitTokens);
        Assert.Equal(128, host.Scheduler.Tables.PrefixQueriedTokens);
    }

    [Fact]
    public void Cancel_FreesItsBlocksAtOnceOrWhenItsPlanReturns()
    {
        SchedulerHost host = Host(blocks: 32, budget: 512, prefixCaching: false);
        SequenceGroup group = host.NewRequest(64, 10);
        host.Arrive(group);
        host.Schedule();

        Assert.True(host.Scheduler.Cancel(group.Id));
        Assert.False(host.Scheduler.Cancel(group.Id));
        Assert.Equal(4, host.Scheduler.Blocks.Used);
        host.Live.Clear();
        host.Return();

        Assert.Equal(32, host.Scheduler.Blocks.Free);
        Assert.False(host.Schedule());
    }

    [Theory]
    [InlineData(SchedulingPolicy.Paged, true, 1, 24)]
    [InlineData(SchedulingPolicy.Paged, true, 3, 26)]
    [InlineData(SchedulingPolicy.Paged, false, 1, 24)]
    [InlineData(SchedulingPolicy.Orca, false, 2, 60)]
    [InlineData(SchedulingPolicy.Request, false, 1, 60)]
    public void RandomSteps_BlocksAlwaysAddUp(SchedulingPolicy policy, bool prefixCaching, int workers, int blocks)
    {
        var options = new SchedulerOptions
        {
            Policy = policy,
            PrefixCaching = prefixCaching,
            Workers = workers,
            Blocks = blocks,
            MaxBatch = 6,
            TokenBudget = 40,
        };
        var host = new SchedulerHost(options, seed: 20 + blocks + workers) { EndChance = 0.03 };
        var random = new Random(5);
        for (int step = 0; step < 100_000; step++)
        {
            int operation = random.Next(100);
            if (operation < 4 && host.Live.Count < 20)
                host.Arrive(host.NewRequest(1 + random.Next(120), 1 + random.Next(60), 1 + random.Next(3), random.Next(3) - 1, random.Next(2) == 0 ? random.Next(4) : null));
            else if (operation == 4)
                host.CancelAny();
            else if (operation < 52)
                host.Schedule();
            else
                host.Return();
        }

        host.RunToEnd();
        Assert.Equal(0, host.Scheduler.Blocks.Used);
        Assert.Equal(blocks, host.Scheduler.Blocks.Free + host.Scheduler.Blocks.Cached);
        Assert.True(host.Returned.Count > 500, $"only {host.Returned.Count} requests ended");
        Assert.True(host.Cancelled > 100);
        if (policy == SchedulingPolicy.Paged)
            Assert.True(host.Scheduler.Tables.Preemptions > 100, $"only {host.Scheduler.Tables.Preemptions} preemptions");
        Assert.Equal(prefixCaching, host.Scheduler.Tables.PrefixHitTokens > 0);
    }

    private static SchedulerHost Host(int blocks, int budget, int maxBatch = 8, bool prefixCaching = true) =>
        new(new SchedulerOptions { Blocks = blocks, TokenBudget = budget, MaxBatch = maxBatch, PrefixCaching = prefixCaching }, seed: 1);
}
