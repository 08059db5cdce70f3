using Fathom.Server.Tests.Fakes;
using Fathom.Serving;

namespace Fathom.Server.Tests.OpenAi;

public sealed class ConcurrentStreamTests
{
    [Fact]
    public async Task Streams_HalfCutAtRandom_OthersCompleteAndBlocksReturn()
    {
        const int streams = 64;
        await using var server = await RunningServer.StartAsync(serving: new ServingOptions { MaxBatch = 16, TokenBudget = 64 });
        var random = new Random(7);
        var tasks = Enumerable.Range(0, streams).Select(i =>
        {
            var cutAfterBytes = i % 2 == 0 ? random.Next(0, 4000) : -1;
            return RunAsync(server, i, cutAfterBytes);
        }).ToArray();
        await Task.WhenAll(tasks);

        await server.WaitUntilIdleAsync();
        var snapshot = server.Engine.Snapshot;
        Assert.Equal(snapshot.TotalBlocks, snapshot.FreeBlocks + snapshot.CachedBlocks);
    }

    [Fact]
    public async Task Stream_CutByItsClient_FreesItsBlocksWhileOthersRun()
    {
        await using var server = await RunningServer.StartAsync(blocks: 512);
        using var cutting = new CancellationTokenSource();
        using var other = await server.BeginStreamAsync("/v1/chat/completions", Endless(400));
        using (var cut = await server.BeginStreamAsync("/v1/chat/completions", Endless(10), cutting.Token))
        {
            var body = await cut.Content.ReadAsStreamAsync(cutting.Token);
            Assert.True(await body.ReadAsync(new byte[10], cutting.Token) > 0);
        }

        Assert.Equal("[DONE]", (await ServerSentEvents.ReadAllAsync(other))[^1]);
        await server.WaitUntilIdleAsync();
    }

    [Fact]
    public async Task Stream_OfSeveralPromptsCut_FreesThemAll()
    {
        await using var server = await RunningServer.StartAsync();
        using (var cut = await server.BeginStreamAsync("/v1/completions", """{"prompt":["a","b","c","d"],"n":2,"max_tokens":400,"ignore_eos":true,"stream":true}"""))
        {
            var body = await cut.Content.ReadAsStreamAsync();
            Assert.True(await body.ReadAsync(new byte[10]) > 0);
        }

        await server.WaitUntilIdleAsync();
    }

    private static string Endless(int maxTokens) =>
        $$"""{"messages":[{"role":"user","content":"forever"}],"stream":true,"max_tokens":{{maxTokens}}}""";

    private static async Task RunAsync(RunningServer server, int index, int cutAfterBytes)
    {
        var text = $"stream {index} " + new string((char)('a' + (index % 26)), index);
        var json = $$"""{"messages":[{"role":"user","content":"{{text}}"}],"stream":true}""";
        using var response = await server.BeginStreamAsync("/v1/chat/completions", json);
        if (cutAfterBytes < 0)
        {
            var chunks = await ServerSentEvents.ReadChunksAsync(response);
            var answer = string.Concat(chunks.Select(chunk =>
                chunk.GetProperty("choices")[0].GetProperty("delta").TryGetProperty("content", out var content) ? content.GetString() : ""));
            Assert.Equal("Echo: " + text, answer);
            return;
        }

        await using var body = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[512];
        for (var read = 0; read < cutAfterBytes;)
        {
            var count = await body.ReadAsync(buffer);
            if (count == 0)
                break;
            read += count;
        }
        // Disposing a response that was not read to its end closes the connection.
    }
}
