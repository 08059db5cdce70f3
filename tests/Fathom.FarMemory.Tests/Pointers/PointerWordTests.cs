using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Tests.Pointers;

public class PointerWordTests
{
    [Fact]
    public void Local_HasTheBitsOfTheDesign()
    {
        var word = PointerWord.Local(0x0000_7FFF_1234_5678, 0xA5, shared: true);
        Assert.Equal(0xA0A5_7FFF_1234_5678, word.Value);
        Assert.Equal(1UL << 63, PointerWord.Present);
        Assert.Equal(1UL << 62, PointerWord.Locked);
        Assert.Equal(1UL << 61, PointerWord.Shared);
        Assert.Equal(1UL << 60, PointerWord.Moving);
        Assert.Equal(1UL << 59, PointerWord.Evicting);
        Assert.Equal(0xA5, word.Hotness);
        Assert.Equal(0x7FFF_1234_5678UL, word.Address);
        Assert.True(word is { IsPresent: true, IsShared: true, IsLocked: false, IsMoving: false, IsEvicting: false });
    }

    [Fact]
    public void Far_HasTheBitsOfTheDesign()
    {
        var word = PointerWord.Far(span: 0xDEADBEEF, region: 0x1234, objectIndex: 8191, shared: false);
        Assert.Equal(0x1FFF_1234_DEAD_BEEFUL, word.Value);
        Assert.Equal(0xDEADBEEF, word.Span);
        Assert.Equal(0x1234, word.Region);
        Assert.Equal(8191, word.ObjectIndex);
        Assert.False(word.IsPresent);
        Assert.True(PointerWord.Far(1, 0, 0, shared: true).IsShared);
    }

    [Fact]
    public void Marks_LeaveTheRestAlone()
    {
        var word = PointerWord.Local(0x1000, 3, shared: false);
        Assert.Equal(word, word.With(PointerWord.Moving).Without(PointerWord.Moving));
        Assert.Equal(7, word.WithHotness(7).Hotness);
        Assert.True(word.With(PointerWord.Evicting | PointerWord.Locked).PointsTo(0x1000));
        Assert.False(word.PointsTo(0x2000));
        Assert.True(default(PointerWord).IsNull);
    }
}
