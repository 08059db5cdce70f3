using Fathom.Serving.Scheduling;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.Scheduling;

/// <summary>Sequences whose blocks come from tiers below: the host checks every token that a sequence finds.</summary>
public class LoadingTests
{
    [Fact]
    public void Prompt_ThatTheTiersHave_RunsOnlyItsRest()
    {
        SchedulerHost host = Host(blocks: 16);
        host.Arrive(host.NewRequest(160, 1, head: 7));
        host.RunToEnd();
        // Two other prompts push the first out of the blocks.
        host.Arrive(host.NewRequest(160, 1));
        host.RunToEnd();
        host.Arrive(host.NewRequest(160, 1));
        host.RunToEnd();

        SequenceGroup again = host.NewRequest(160, 1, head: 7);
        host.Arrive(again);

        Assert.Equal(SequenceState.Loading, again.Sequences[0].State);
        Assert.False(host.Schedule(), "a sequence runs while its blocks are on their way");
        host.RunToEnd();
        Assert.Equal(144, again.CachedTokens);
        Assert.InRange(host.Imported, 1, 9);
    }

    [Fact]
    public void Newcomer_WhileAnotherLoads_RunsAndLeavesItRoom()
    {
        SchedulerHost host = Host(blocks: 16);
        SequenceGroup running = host.NewRequest(16, 60);
        host.Arrive(running);
        host.Schedule();
        host.Return();
        SequenceGroup loading = host.NewRequest(160, 1);
        host.Arrive(loading);
        // As if the tiers had it: nothing of it is there yet.
        loading.Sequences[0].State = SequenceState.Loading;
        SequenceGroup late = host.NewRequest(80, 1);
        host.Arrive(late);

        host.Schedule();
        host.Return();

        Assert.Equal(SequenceState.Initiation, late.Sequences[0].State);
        Scheduler.LoadEnded(loading.Sequences[0]);
        host.RunToEnd();
        Assert.Equal(3, host.Returned.Count);
    }

    [Fact]
    public void Newcomer_WhileAnIdleEngineLoads_Runs()
    {
        SchedulerHost host = Host(blocks: 16);
        SequenceGroup loading = host.NewRequest(160, 1);
        host.Arrive(loading);
        loading.Sequences[0].State = SequenceState.Loading;
        SequenceGroup late = host.NewRequest(160, 1);
        host.Arrive(late);

        Assert.True(host.Schedule());

        Assert.Equal(SequenceState.Running, late.Sequences[0].State);
        Scheduler.LoadEnded(loading.Sequences[0]);
        host.RunToEnd();
    }

    [Theory]
    [InlineData(1, 1, 14, 64)]
    [InlineData(2, 3, 16, 64)]
    [InlineData(3, 1, 12, 200)]
    [InlineData(4, 2, 18, 40)]
    public void AnyHistory_KeepsBlocksAndLoadsInOrder(int seed, int workers, int blocks, int budget)
    {
        var random = new Random(seed);
        var host = new SchedulerHost(
            new SchedulerOptions { Blocks = blocks, MaxBatch = 6, TokenBudget = budget, Workers = workers, HasTiers = true }, seed)
        {
            EndChance = 0.01,
        };
        for (int step = 0; step < 40_000; step++)
        {
            switch (random.Next(10))
            {
                case 0 or 1 when host.Live.Count < 20:
                    int prompt = random.Next(1, 100);
                    host.Arrive(host.NewRequest(
                        prompt, random.Next(1, (blocks * 16) - prompt), random.Next(8) == 0 ? 2 : 1, random.Next(3), random.Next(2) == 0 ? random.Next(6) : null));
                    break;
                case 2 when random.Next(4) == 0:
                    host.CancelAny();
                    break;
                case 3 or 4:
                    host.EndALoad();
                    break;
                case < 8:
                    host.Schedule();
                    break;
                default:
                    host.Return();
                    break;
            }
        }

        host.RunToEnd();
        Assert.Equal(0, host.Scheduler.Blocks.Used);
        Assert.Equal(0, host.LoadsOpen);
        Assert.True(host.Imported > 100, $"only {host.Imported} blocks came from the tiers");
        Assert.True(host.Scheduler.Tables.Preemptions > 20, $"only {host.Scheduler.Tables.Preemptions} preemptions");
        Assert.True(host.Cancelled > 20);
    }

    private static SchedulerHost Host(int blocks) => new(new SchedulerOptions { Blocks = blocks, TokenBudget = 512, MaxBatch = 8, HasTiers = true }, seed: 1, lossyTiers: false);
}
