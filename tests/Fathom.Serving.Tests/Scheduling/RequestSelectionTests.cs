using Fathom.Serving.Scheduling;
using Fathom.Serving.Tests.Simulation;

namespace Fathom.Serving.Tests.Scheduling;

public class RequestSelectionTests
{
    [Fact]
    public void Batch_ReturnsTogetherWhenItsLongestRequestEnds()
    {
        SchedulerHost host = Host();
        host.Arrive(host.NewRequest(10, 2));
        host.Arrive(host.NewRequest(30, 7));

        Assert.Equal(7, IterationsToTheFirstReturn(host));
        Assert.Equal(2, host.Returned.Count);
    }

    [Fact]
    public void Batch_AsPublished_RunsTheShortestPromptsLengthFirst()
    {
        SchedulerHost host = Host(wholePrompts: false);
        host.Arrive(host.NewRequest(10, 2));
        SequenceGroup longer = host.NewRequest(30, 7);
        host.Arrive(longer);
        host.Schedule();
        host.Return();
        Assert.Equal(10, longer.Sequences[0].Computed);

        // 20 tokens of the prompt are left: the first 19 bring nothing, the last one brings the first of 7 tokens.
        Assert.Equal(19 + 7, IterationsToTheFirstReturn(host));
        Assert.Equal(2, host.Returned.Count);
    }

    [Fact]
    public void Newcomer_WaitsForTheWholeBatch()
    {
        SchedulerHost host = Host();
        host.Arrive(host.NewRequest(10, 5));
        host.Schedule();
        SequenceGroup late = host.NewRequest(10, 5);
        host.Arrive(late);

        for (int i = 0; i < 4; i++)
        {
            host.Return();
            host.Schedule();
            Assert.Equal(0, host.Iterations[late.Id]);
        }

        host.Return();
        Assert.Single(host.Returned);
        host.Schedule();
        Assert.Equal(1, host.Iterations[late.Id]);
    }

    [Fact]
    public void Batch_TakesAsManyAsItMay()
    {
        SchedulerHost host = Host();
        for (int i = 0; i < 6; i++)
            host.Arrive(host.NewRequest(5, 3));

        host.Schedule();

        Assert.Equal(4, host.Iterations.Values.Sum());
        host.RunToEnd();
        Assert.Equal(6, host.Returned.Count);
    }

    [Fact]
    public void Cancel_LastRunningOfABatch_ReturnsTheOthers()
    {
        SchedulerHost host = Host();
        host.Arrive(host.NewRequest(5, 1));
        SequenceGroup longest = host.NewRequest(5, 50);
        host.Arrive(longest);
        host.Schedule();
        host.Return();
        Assert.Empty(host.Returned);

        Assert.True(host.Scheduler.Cancel(longest.Id));

        Assert.True(host.Scheduler.TryTakeReturned(out SequenceGroup? returned));
        Assert.Equal(1, returned.Id.Value);
        Assert.Equal(host.Scheduler.Blocks.Total, host.Scheduler.Blocks.Free);
    }

    private static int IterationsToTheFirstReturn(SchedulerHost host)
    {
        int iterations = 0;
        for (; host.Returned.Count == 0; iterations++)
        {
            Assert.True(host.Schedule());
            Assert.True(host.Return());
        }

        return iterations;
    }

    private static SchedulerHost Host(bool wholePrompts = true) =>
        new(new SchedulerOptions { Policy = SchedulingPolicy.Request, Blocks = 64, MaxBatch = 4, WholePrompts = wholePrompts }, seed: 1);
}
