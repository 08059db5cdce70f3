namespace Fathom.Memory.Tests;

public unsafe class NativeViewTests
{
    [Fact]
    public void Slice_InsideTheView_MovesTheStart()
    {
        using var buffer = NativeBuffer.Allocate(16);
        buffer.AsSpan<byte>(0, 16)[10] = 3;
        var slice = buffer.View.Slice(4, 8).Slice(6, 2);
        Assert.Equal(2, slice.Length);
        Assert.Equal(3, slice.AsSpan<byte>()[0]);
        Assert.Equal(0, buffer.View.Slice(16, 0).Length);
    }

    [Theory]
    [InlineData(0, 17)]
    [InlineData(17, 0)]
    [InlineData(-1, 1)]
    [InlineData(1, -1)]
    [InlineData(8, 9)]
    [InlineData(long.MaxValue, long.MaxValue)]
    [InlineData(1, long.MaxValue)]
    [InlineData(long.MinValue, 1)]
    public void Slice_OutsideTheView_IsRefused(long offset, long length)
    {
        using var buffer = NativeBuffer.Allocate(16);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.View.Slice(offset, length).Length);
    }

    [Fact]
    public void AsSpan_RemainderOrTooLong_IsLeftOutOrRefused()
    {
        using var buffer = NativeBuffer.Allocate(15);
        Assert.Equal(3, buffer.View.AsSpan<int>().Length);
        // Never touched: only the length matters.
        Assert.Throws<ArgumentOutOfRangeException>(() => new NativeView(buffer.Pointer, 3L << 30).AsSpan<byte>().Length);
        Assert.Equal(3 << 28, new NativeView(buffer.Pointer, 3L << 30).AsSpan<int>().Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => new NativeView(buffer.Pointer, -1));
    }
}
