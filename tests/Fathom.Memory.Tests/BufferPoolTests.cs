namespace Fathom.Memory.Tests;

public unsafe class BufferPoolTests
{
    [Fact]
    public void Rent_AfterReturn_ReusesTheBuffer()
    {
        using var pool = new BufferPool(1 << 20);
        byte* first;
        using (var lease = pool.Rent(5000))
        {
            first = lease.View.Pointer;
            Assert.Equal(5000, lease.View.Length);
        }
        Assert.Equal(8192, pool.IdleBytes);
        using (var lease = pool.Rent(8192))
            Assert.True(first == lease.View.Pointer);
        using (var larger = pool.Rent(8193))
            Assert.Equal(8193, larger.View.Length);
    }

    [Fact]
    public void Return_BeyondTheBound_FreesTheBuffer()
    {
        using var pool = new BufferPool(6000);
        using (pool.Rent(4096))
        using (pool.Rent(4096))
            Assert.Equal(0, pool.IdleBytes);
        Assert.Equal(4096, pool.IdleBytes);
    }

    [Fact]
    public void Lease_Ended_GivesNoView()
    {
        using var pool = new BufferPool(1 << 20);
        var lease = pool.Rent(1);
        lease.Dispose();
        lease.Dispose();
        Assert.Equal(4096, pool.IdleBytes);
        try
        {
            _ = lease.View;
            Assert.Fail("a view outlived its lease");
        }
        catch (ObjectDisposedException)
        {
        }
    }

    [Fact]
    public void Rent_BadSizeOrClosedPool_IsRefused()
    {
        var pool = new BufferPool(0);
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(-1).View);
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(long.MaxValue).View);
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Rent(1).View);
        Assert.Throws<ArgumentOutOfRangeException>(() => new BufferPool(-1));
    }

    [Fact]
    public void Return_AfterThePoolClosed_FreesTheBuffer()
    {
        var pool = new BufferPool(1 << 20);
        var lease = pool.Rent(1);
        pool.Dispose();
        lease.Dispose();
        Assert.Equal(0, pool.IdleBytes);
    }
}
