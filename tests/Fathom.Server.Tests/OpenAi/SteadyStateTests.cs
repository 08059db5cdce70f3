using Fathom.Server.Tests.Fakes;
using Xunit.Abstractions;

namespace Fathom.Server.Tests.OpenAi;

public sealed class SteadyStateTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Requests_TwoThousand_MemoryStaysFlat()
    {
        await using var server = await RunningServer.StartAsync();
        await SendAsync(server, 500);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await SendAsync(server, 2000);
        var grownBytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        output.WriteLine($"grown by {grownBytes} bytes");

        // A leak of one small object a request would pass this; one of a request's buffers, about 2 KiB each, does not.
        Assert.InRange(grownBytes, long.MinValue, 4 << 20);
        await server.WaitUntilIdleAsync();
    }

    private static Task SendAsync(RunningServer server, int requests) =>
        Parallel.ForAsync(0, requests, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, cancellationToken) =>
        {
            var stream = i % 2 == 0 ? "true" : "false";
            using var response = await server.PostAsync("/v1/completions", $$"""{"prompt":"request {{i}}","max_tokens":4,"stream":{{stream}}}""", cancellationToken);
            Assert.True(response.IsSuccessStatusCode);
            await response.Content.ReadAsByteArrayAsync(cancellationToken);
        });
}
