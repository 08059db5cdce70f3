using Fathom.Tiering.Loads;

namespace Fathom.Tiering.Tests.Loads;

public class StagingMemoryTests
{
    [Fact]
    public unsafe void Views_AreAlignedAndApart()
    {
        using var memory = new StagingMemory(3, 5000);

        var addresses = Enumerable.Range(0, 3).Select(place => (long)memory.View(place).Pointer).ToArray();

        Assert.All(addresses, address => Assert.Equal(0, address % StagingMemory.Alignment));
        Assert.Equal(8192, addresses[1] - addresses[0]);
        Assert.Equal(5000, memory.View(2).Length);
    }

    [Fact]
    public async Task WhoeverComesFirst_IsServedFirst()
    {
        using var memory = new StagingMemory(4, 100);
        var held = await memory.RentAsync(3, CancellationToken.None);
        var first = memory.RentAsync(4, CancellationToken.None).AsTask();
        var second = memory.RentAsync(1, CancellationToken.None).AsTask();
        Assert.False(memory.TryRent(out _), "a place was taken from those who wait");

        memory.Return(held);
        var places = await first;
        Assert.False(second.IsCompleted);
        memory.Return(places);

        Assert.Single((await second)!);
    }

    [Fact]
    public async Task WaiterThatGivesUp_LetsTheNextThrough()
    {
        using var memory = new StagingMemory(2, 100);
        var held = await memory.RentAsync(1, CancellationToken.None);
        using var patience = new CancellationTokenSource();
        var first = memory.RentAsync(2, patience.Token).AsTask();
        var second = memory.RentAsync(1, CancellationToken.None).AsTask();

        await patience.CancelAsync();

        Assert.Null(await first);
        Assert.NotNull(await second);
        Assert.NotNull(held);
    }

    [Fact]
    public async Task Dispose_RefusesWaitersAndKeepsWhatIsOut()
    {
        var memory = new StagingMemory(1, 100);
        var held = (await memory.RentAsync(1, CancellationToken.None))!;
        var waiting = memory.RentAsync(1, CancellationToken.None).AsTask();

        memory.Dispose();

        Assert.Null(await waiting);
        memory.View(held[0]).AsSpan<byte>().Fill(1); // still there: somebody may be writing to it
        memory.Return(held);
        Assert.Throws<ObjectDisposedException>(() => memory.View(0));
    }
}
