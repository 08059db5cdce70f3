using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Fathom.LoadGenerator.Tests;

/// <summary>Whole runs against a real HTTP server in this process; time is a manual clock, so measurements are exact.</summary>
public sealed class LoadRunTests
{
    [Fact]
    public async Task RunAsync_KnownDelays_AreMeasuredExactly()
    {
        var clock = new ManualClock();
        await using var server = await FakeServer.StartAsync(async (context, body) =>
        {
            // 30 ms to the first token, 10 ms between tokens; the clock only moves once the client has noted the last one.
            await StepAsync(context, clock, 30, FakeServer.Token("a"));
            await StepAsync(context, clock, 10, FakeServer.Token("b"));
            await StepAsync(context, clock, 10, FakeServer.Token("c"));
            await StepAsync(context, clock, 0, FakeServer.Usage(body));
            await StepAsync(context, clock, 4, "data: [DONE]\n\n");
        });
        var report = await LoadRun.RunAsync(Options(server) with { Requests = 3, OutputTokens = new TokenRange(3, 3), Concurrency = 1 }, clock);
        Assert.Equal((3, 3, 9L), (report.Requests, report.Completed, report.OutputTokens));
        Assert.Empty(report.Errors);
        AssertAll(30, report.TimeToFirstToken);
        AssertAll(10, report.InterToken);
        AssertAll(54, report.EndToEnd);
        AssertAll(12, report.PerOutputToken);
        AssertAll(18, report.NormalizedLatency);
        Assert.Equal(0.162, report.DurationSeconds, 9);
        Assert.Equal(9 / 0.162, report.OutputTokensPerSecond, 6);
        Assert.Equal(1, report.ConcurrencyPeak);
    }

    [Fact]
    public async Task RunAsync_OpenLoopBehindItsArrivals_CountsTheWaitAsLatency()
    {
        var clock = new ManualClock();
        var firstHere = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await FakeServer.StartAsync(async (context, body) =>
        {
            firstHere.TrySetResult();
            await release.Task;
            await FakeServer.AnswerAsync(context, body);
        });
        var options = Options(server) with { Requests = 2, RatePerSecond = 1, Concurrency = null, ConcurrencyMax = 1 };
        var running = LoadRun.RunAsync(options, clock);
        await firstHere.Task;
        clock.Advance(TimeSpan.FromSeconds(60));
        release.SetResult();
        var report = await running;
        // The second request was due at its arrival, although the only slot was taken until the sixtieth second.
        var due = new Workload(options).Requests().Last().Arrival;
        Assert.InRange(due.TotalSeconds, 0.001, 59);
        double[] latencies = [60_000, 60_000 - due.TotalMilliseconds];
        Assert.Equal(latencies.Average(), report.EndToEnd!.Mean, 3);
        Assert.Equal(1, report.ConcurrencyPeak);
    }

    [Fact]
    public async Task RunAsync_ClosedLoop_KeepsExactlyThatManyInFlight()
    {
        const int Concurrency = 5;
        int inFlight = 0, peak = 0, arrived = 0;
        var full = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await FakeServer.StartAsync(async (context, body) =>
        {
            var now = Interlocked.Increment(ref inFlight);
            InterlockedMax(ref peak, now);
            if (Interlocked.Increment(ref arrived) == Concurrency)
                full.SetResult();
            await full.Task;
            Interlocked.Decrement(ref inFlight);
            await FakeServer.AnswerAsync(context, body);
        });
        var progress = new CountingProgress();
        var report = await LoadRun.RunAsync(Options(server) with { Requests = 40, Concurrency = Concurrency }, progress: progress);
        Assert.Equal((40, 40), (report.Completed, server.Streams.Count));
        Assert.Equal((Concurrency, Concurrency), (peak, report.ConcurrencyPeak));
        Assert.Equal(40, progress.Reports);
    }

    [Fact]
    public async Task RunAsync_SamePlan_SendsTheSameBodiesWithModelKeyAndLengths()
    {
        var keys = new List<string?>();
        await using var server = await FakeServer.StartAsync((context, body) =>
        {
            lock (keys)
                keys.Add(context.Request.Headers.Authorization);
            return FakeServer.AnswerAsync(context, body);
        });
        var options = Options(server) with { Requests = 10, ApiKey = "secret", SharedPrefixTokens = 4, Concurrency = 1 };
        await LoadRun.RunAsync(options);
        var report = await LoadRun.RunAsync(options with { Url = new Uri(server.Url, "/v1") });
        var bodies = server.Streams.Select(body => body.ToJsonString()).ToArray();
        Assert.Equal(bodies[..10], bodies[10..]);
        Assert.All(keys, key => Assert.Equal("Bearer secret", key));
        var workload = new Workload(options);
        foreach (var (body, planned) in server.Streams.Zip(workload.Requests()))
        {
            Assert.Equal(workload.PromptOf(planned), body["prompt"]!.AsArray().Select(id => (int)id!));
            Assert.Equal(planned.OutputTokens, (int)body["max_tokens"]!);
            Assert.Equal(("fake-model", true), ((string)body["model"]!, (bool)body["ignore_eos"]!));
        }
        Assert.Equal(("token_ids", true, "fake-model"), (report.PromptForm, report.IgnoreEos, report.Model));
        Assert.Equal(workload.Requests().Sum(planned => planned.OutputTokens), report.OutputTokens);
        Assert.Equal(workload.Requests().Sum(planned => planned.InputTokens), report.PromptTokens);
    }

    [Fact]
    public async Task RunAsync_ServerOfTextOnly_GetsTextOfTheLengthItCounts()
    {
        // Counts two tokens a word, and knows neither token ids nor ignore_eos.
        await using var server = await FakeServer.StartAsync(FakeServer.AnswerAsync, (context, body) =>
            body["prompt"] is JsonArray || body["ignore_eos"] is not null
                ? FakeServer.RefuseAsync(context, StatusCodes.Status400BadRequest, "unknown")
                : context.Response.WriteAsync("{\"usage\":{\"prompt_tokens\":128}}"));
        var report = await LoadRun.RunAsync(Options(server) with { Requests = 5, InputTokens = new TokenRange(100, 100) });
        Assert.Equal(("text", false, 5), (report.PromptForm, report.IgnoreEos, report.Completed));
        Assert.All(server.Streams, body => Assert.Equal(50, ((string)body["prompt"]!).Split(' ').Length));
        Assert.All(server.Streams, body => Assert.Null(body["ignore_eos"]));
        Assert.Equal(5, server.Streams.Select(body => (string)body["prompt"]!).Distinct().Count());
    }

    [Fact]
    public async Task RunAsync_Cancelled_AbortsWhatIsUnderWay()
    {
        var here = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var aborted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await FakeServer.StartAsync(async (context, body) =>
        {
            context.RequestAborted.Register(() => aborted.TrySetResult());
            await FakeServer.WriteAsync(context, FakeServer.Token("a"));
            here.TrySetResult();
            await aborted.Task;
        });
        foreach (var options in new[] { Options(server) with { Concurrency = 2 }, Options(server) with { Concurrency = null, RatePerSecond = 1000 } })
        {
            using var cancellation = new CancellationTokenSource();
            var running = LoadRun.RunAsync(options, cancellationToken: cancellation.Token);
            await here.Task;
            await cancellation.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
            await aborted.Task;
        }
    }

    [Fact]
    public async Task RunAsync_NoServer_SaysSoInOneLine()
    {
        Uri gone;
        await using (var server = await FakeServer.StartAsync(FakeServer.AnswerAsync))
            gone = server.Url;
        var error = await Assert.ThrowsAsync<LoadGeneratorException>(() => LoadRun.RunAsync(
            new LoadOptions { Url = gone, Concurrency = 1 }));
        Assert.Contains(gone.ToString(), error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task RunAsync_ServerThatRefusesTheKey_SaysSoAtOnce()
    {
        await using var server = await FakeServer.StartAsync(
            FakeServer.AnswerAsync, (context, _) => FakeServer.RefuseAsync(context, StatusCodes.Status401Unauthorized, "wrong key"));
        var error = await Assert.ThrowsAsync<LoadGeneratorException>(() => LoadRun.RunAsync(Options(server)));
        Assert.Contains("401", error.Message, StringComparison.Ordinal);
        Assert.Contains("wrong key", error.Message, StringComparison.Ordinal);
        Assert.Single(server.Probes);
    }

    internal static LoadOptions Options(FakeServer server) => new()
    {
        Url = server.Url,
        Requests = 10,
        Concurrency = 1,
        InputTokens = new TokenRange(4, 12),
        OutputTokens = new TokenRange(1, 5),
        Seed = 5,
    };

    private static async Task StepAsync(HttpContext context, ManualClock clock, int milliseconds, string text)
    {
        clock.Advance(TimeSpan.FromMilliseconds(milliseconds));
        var read = clock.NextRead();
        await FakeServer.WriteAsync(context, text);
        await read;
    }

    private static void AssertAll(double expected, LatencySummary? summary)
    {
        Assert.NotNull(summary);
        Assert.All([summary.Mean, summary.P50, summary.P90, summary.P99], value => Assert.Equal(expected, value, 6));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = Volatile.Read(ref target); seen < value;)
            seen = Interlocked.CompareExchange(ref target, value, seen);
    }

    private sealed class CountingProgress : IProgress<LoadProgress>
    {
        private int _reports;

        public int Reports => _reports;

        public void Report(LoadProgress value) => Interlocked.Increment(ref _reports);
    }
}
