using Fathom.FarMemory.Heap;
using Fathom.FarMemory.Pointers;

namespace Fathom.FarMemory.Tests.Heap;

public class SizeClassesTests
{
    [Fact]
    public void ClassFor_EverySize_IsTheSmallestThatFits()
    {
        var expected = 0;
        for (var bytes = 0; bytes <= SizeClasses.ObjectBytesMax; bytes++)
        {
            if (bytes > SizeClasses.Get(expected).ObjectBytes)
                expected++;
            if (SizeClasses.ClassFor(bytes) != expected)
                Assert.Fail($"{bytes} bytes: class {SizeClasses.ClassFor(bytes)}, expected {expected}");
        }
        Assert.Equal(SizeClasses.Count - 1, expected);
        Assert.Equal(-1, SizeClasses.ClassFor(SizeClasses.ObjectBytesMax + 1));
    }

    [Fact]
    public void Classes_AreAboutEighty_AndWasteLittle()
    {
        Assert.InRange(SizeClasses.Count, 70, 90);
        for (var i = 0; i < SizeClasses.Count; i++)
        {
            var shape = SizeClasses.Get(i);
            var spanBytes = shape.Pages * SizeClasses.PageBytes;
            var used = shape.Objects * (shape.ObjectBytes + SizeClasses.ReverseBytes);
            Assert.True(used <= spanBytes && (spanBytes - used) * 8 <= spanBytes, $"class {i}: {shape}");
            Assert.True(shape.Objects <= PointerWord.ObjectsPerSpanMax);
            Assert.Equal(0, shape.ObjectBytes % 8);
            if (i > 0 && shape.ObjectBytes > 128)
                Assert.True((shape.ObjectBytes - SizeClasses.Get(i - 1).ObjectBytes) * 5 <= shape.ObjectBytes, $"class {i}: {shape}");
        }
    }

    [Fact]
    public void ForLarge_HasRoomForObjectAndReversePointer()
    {
        foreach (var bytes in new[] { SizeClasses.ObjectBytesMax + 1, 300_000, 1 << 20, FarHeap.ObjectBytesMax })
        {
            var shape = SizeClasses.ForLarge(bytes);
            Assert.True((long)shape.Pages * SizeClasses.PageBytes >= (long)bytes + SizeClasses.ReverseBytes);
            Assert.True((long)(shape.Pages - 1) * SizeClasses.PageBytes < (long)bytes + SizeClasses.ReverseBytes);
        }
    }
}
