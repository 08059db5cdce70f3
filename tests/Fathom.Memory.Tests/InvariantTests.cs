namespace Fathom.Memory.Tests;

public class InvariantTests
{
    [Fact]
    public void Check_False_NamesTheCondition()
    {
        var blocks = 3;
        Invariant.Check(blocks > 2);
        var violation = Assert.Throws<InvariantViolationException>(() => Invariant.Check(blocks < 2));
        Assert.Equal("blocks < 2", violation.Violated);
    }
}
