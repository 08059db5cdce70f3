using Microsoft.AspNetCore.Http;

namespace Fathom.LoadGenerator.Tests;

/// <summary>Failures are counted by kind and spoil nothing else.</summary>
public sealed class LoadRunFailureTests
{
    [Theory]
    [InlineData("status", "http_503")]
    [InlineData("dropped before the answer", "connection")]
    [InlineData("dropped inside a line", "connection")]
    [InlineData("ends inside a line", "protocol")]
    [InlineData("ends without done", "protocol")]
    [InlineData("done without token", "protocol")]
    [InlineData("not json", "protocol")]
    [InlineData("not an object", "protocol")]
    [InlineData("error event", "server_error")]
    public async Task RunAsync_EverySecondRequestFails_IsCountedByKindAndTheRestMeasured(string failure, string kind)
    {
        var number = 0;
        await using var server = await FakeServer.StartAsync((context, body) => Interlocked.Increment(ref number) % 2 == 0
            ? FailAsync(context, failure)
            : FakeServer.AnswerAsync(context, body));
        var report = await LoadRun.RunAsync(LoadRunTests.Options(server) with { Requests = 12, Concurrency = 1 });
        Assert.Equal((12, 6), (report.Requests, report.Completed));
        Assert.Equal(new Dictionary<string, int> { [kind] = 6 }, report.Errors);
        Assert.NotEmpty(report.ErrorSamples[kind]);
        Assert.DoesNotContain('\n', report.ErrorSamples[kind]);
        Assert.NotNull(report.EndToEnd);
        Assert.True(report.OutputTokens >= 6);
    }

    [Fact]
    public async Task RunAsync_RequestThatNeverEnds_TimesOut()
    {
        var clock = new ManualClock();
        var aborted = 0;
        await using var server = await FakeServer.StartAsync(async (context, body) =>
        {
            var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            context.RequestAborted.Register(() => gone.SetResult());
            var read = clock.NextRead();
            await FakeServer.WriteAsync(context, FakeServer.Token("a"));
            await read;
            clock.Advance(TimeSpan.FromSeconds(31));
            await gone.Task;
            Interlocked.Increment(ref aborted);
        });
        var options = LoadRunTests.Options(server) with { Requests = 3, RequestTimeout = TimeSpan.FromSeconds(30) };
        var report = await LoadRun.RunAsync(options, clock);
        Assert.Equal((3, 0), (report.Requests, report.Completed));
        Assert.Equal(new Dictionary<string, int> { ["timeout"] = 3 }, report.Errors);
        Assert.Null(report.TimeToFirstToken);
        Assert.Equal(0, report.OutputTokensPerSecond);
    }

    [Fact]
    public async Task RunAsync_TokensThatPrintAsNothing_StillHaveAFirstAndACount()
    {
        await using var server = await FakeServer.StartAsync(async (context, body) =>
        {
            await FakeServer.WriteAsync(context, FakeServer.Token(""));
            await FakeServer.WriteAsync(context, "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}\n\n");
            await FakeServer.WriteAsync(context, FakeServer.Usage(body));
            await FakeServer.WriteAsync(context, "data: [DONE]\n\n");
        });
        var report = await LoadRun.RunAsync(LoadRunTests.Options(server) with { Requests = 4 });
        Assert.Equal(4, report.Completed);
        Assert.Equal(server.Streams.Sum(body => (int)body["max_tokens"]!), report.OutputTokens);
    }

    [Fact]
    public async Task RunAsync_ServerWithoutUsage_CountsChunks()
    {
        await using var server = await FakeServer.StartAsync(async (context, body) =>
        {
            for (var i = 0; i < 3; i++)
                await FakeServer.WriteAsync(context, FakeServer.Token("x"));
            await FakeServer.WriteAsync(context, "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"stop\"}],\"usage\":null}\n\ndata: [DONE]\n\n");
        });
        var report = await LoadRun.RunAsync(LoadRunTests.Options(server) with { Requests = 2 });
        Assert.Equal((2, 6L), (report.Completed, report.OutputTokens));
    }

    private static async Task FailAsync(HttpContext context, string failure)
    {
        switch (failure)
        {
            case "status":
                await FakeServer.RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, "queue full,\\n try later");
                break;
            case "dropped before the answer":
                context.Abort();
                break;
            case "dropped inside a line":
                await FakeServer.WriteAsync(context, FakeServer.Token("a") + "data: {\"choi");
                context.Abort();
                break;
            case "ends inside a line":
                await FakeServer.WriteAsync(context, FakeServer.Token("a") + "data: {\"choi");
                break;
            case "ends without done":
                await FakeServer.WriteAsync(context, FakeServer.Token("a"));
                break;
            case "done without token":
                await FakeServer.WriteAsync(context, "data: [DONE]\n\n");
                break;
            case "not json":
                await FakeServer.WriteAsync(context, "data: {oops}\n\n");
                break;
            case "not an object":
                await FakeServer.WriteAsync(context, "data: [1]\n\n");
                break;
            default:
                await FakeServer.WriteAsync(context, FakeServer.Token("a") + "data: {\"error\":{\"message\":\"worker lost\"}}\n\n");
                break;
        }
    }
}
