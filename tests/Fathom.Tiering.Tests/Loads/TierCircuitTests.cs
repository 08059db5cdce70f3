using Fathom.Tiering.Loads;

namespace Fathom.Tiering.Tests.Loads;

public class TierCircuitTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly TierCircuit _circuit = new(3, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3));

    [Fact]
    public void FailuresBelowTheLimit_AreForgottenBySuccess()
    {
        for (var i = 0; i < 10; i++)
        {
            Assert.False(_circuit.Failed(Start));
            Assert.False(_circuit.Failed(Start));
            Assert.False(_circuit.Succeeded());
            Assert.True(_circuit.Allows(Start));
        }
    }

    [Fact]
    public void FailuresInARow_PauseAndProbeAtGrowingIntervals()
    {
        _circuit.Failed(Start);
        _circuit.Failed(Start);
        Assert.True(_circuit.Failed(Start));

        Assert.False(_circuit.Allows(Start + TimeSpan.FromSeconds(0.9)));
        Assert.True(_circuit.Allows(Start + TimeSpan.FromSeconds(1)), "no probe after the pause");
        Assert.False(_circuit.Allows(Start + TimeSpan.FromSeconds(1)), "a second probe beside the first");
        Assert.False(_circuit.Failed(Start + TimeSpan.FromSeconds(1)), "a failed probe begins no pause: it is one");
        Assert.False(_circuit.Allows(Start + TimeSpan.FromSeconds(2.9)));
        Assert.True(_circuit.Allows(Start + TimeSpan.FromSeconds(3)));
        _circuit.Failed(Start + TimeSpan.FromSeconds(3));
        Assert.False(_circuit.Allows(Start + TimeSpan.FromSeconds(5.9)), "the pause doubled beyond its limit, or not at all");
        Assert.True(_circuit.Allows(Start + TimeSpan.FromSeconds(6)));
    }

    [Fact]
    public void ProbeThatSucceeds_EndsThePause()
    {
        for (var i = 0; i < 3; i++)
            _circuit.Failed(Start);

        Assert.True(_circuit.Succeeded());

        Assert.False(_circuit.IsOpen);
        Assert.True(_circuit.Allows(Start));
    }
}
