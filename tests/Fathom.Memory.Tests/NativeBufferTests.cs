namespace Fathom.Memory.Tests;

public class NativeBufferTests
{
    [Theory]
    [InlineData(0, 64)]
    [InlineData(1, 1)]
    [InlineData(1000, 64)]
    [InlineData(5000, 4096)]
    [InlineData(5 << 20, 2 << 20)]
    public unsafe void Allocate_AnySize_IsAlignedAndZero(long bytes, int alignment)
    {
        using var buffer = NativeBuffer.Allocate(bytes, alignment);
        Assert.Equal(bytes, buffer.Length);
        Assert.Equal(0, (long)buffer.Pointer % alignment);
        foreach (var value in buffer.AsSpan<byte>(0, (int)bytes))
            Assert.Equal(0, value);
    }

    [SkippableFact]
    public void Allocate_LargeAfterLargeWasFreed_TakesNoMemoryUntilTouched()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "elsewhere the C library decides");
        const long Bytes = 30L << 20; // below what glibc ever takes from the system once one was freed
        for (var round = 0; round < 4; round++)
        {
            using var used = NativeBuffer.Allocate(Bytes);
            used.AsSpan<byte>(0, (int)Bytes).Fill(1);
        }
        var before = Environment.WorkingSet;
        using var untouched = NativeBuffer.Allocate(Bytes);
        Assert.InRange(Environment.WorkingSet - before, long.MinValue, Bytes / 2);
        Assert.Equal(0, untouched.AsSpan<byte>(Bytes - 1, 1)[0]);
    }

    [Theory]
    [InlineData(-1, 64)]
    [InlineData(16, 0)]
    [InlineData(16, 48)]
    [InlineData(16, 4 << 20)]
    public void Allocate_BadArguments_AreRefused(long bytes, int alignment) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => NativeBuffer.Allocate(bytes, alignment));

    [Fact]
    public void AsSpan_OutsideTheBuffer_IsRefused()
    {
        using var buffer = NativeBuffer.Allocate(64);
        buffer.AsSpan<int>(60, 1)[0] = 7;
        Assert.Equal(7, buffer.AsSpan<int>(0, 16)[15]);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan<int>(61, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan<int>(-4, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan<int>(0, -1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan<long>(0, int.MaxValue).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan<long>(long.MaxValue, int.MaxValue).Length);
    }

    [Fact]
    public void Use_AfterDispose_IsRefused()
    {
        var buffer = NativeBuffer.Allocate(64);
        buffer.Dispose();
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => buffer.AsSpan<byte>(0, 1).Length);
        Assert.Throws<ObjectDisposedException>(() => buffer.View.Length);
    }
}
