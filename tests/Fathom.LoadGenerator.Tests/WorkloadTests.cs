namespace Fathom.LoadGenerator.Tests;

public sealed class WorkloadTests
{
    private static readonly LoadOptions Options = new()
    {
        Url = new Uri("http://127.0.0.1:1"),
        Requests = 2000,
        RatePerSecond = 50,
        InputTokens = new TokenRange(8, 64),
        OutputTokens = new TokenRange(1, 16),
        Seed = 42,
    };

    [Fact]
    public void Requests_SameSeed_SamePlanAndPrompts()
    {
        var (a, b) = (new Workload(Options), new Workload(Options));
        Assert.Equal(a.Requests(), b.Requests());
        var request = a.Requests().ElementAt(17);
        Assert.Equal(a.PromptOf(request), b.PromptOf(request));
        var other = new Workload(Options with { Seed = 43 });
        Assert.NotEqual(a.Requests(), other.Requests());
        Assert.NotEqual(a.PromptOf(request), other.PromptOf(request));
    }

    [Fact]
    public void Requests_OpenLoop_ArriveAtTheRateWithLengthsInRange()
    {
        var requests = new Workload(Options).Requests().ToList();
        Assert.Equal(TimeSpan.Zero, requests[0].Arrival);
        Assert.Equal(requests.OrderBy(request => request.Arrival), requests);
        // 1999 gaps of mean 20 ms: the sum is 39.98 s with a standard deviation of 0.89 s.
        Assert.InRange(requests[^1].Arrival.TotalSeconds, 35.5, 44.5);
        Assert.Equal((8, 64), (requests.Min(r => r.InputTokens), requests.Max(r => r.InputTokens)));
        Assert.Equal((1, 16), (requests.Min(r => r.OutputTokens), requests.Max(r => r.OutputTokens)));
    }

    [Fact]
    public void Requests_ClosedLoop_HaveTheSameLengthsAndNoArrivals()
    {
        var open = new Workload(Options).Requests();
        var closed = new Workload(Options with { RatePerSecond = null, Concurrency = 4 }).Requests().ToList();
        Assert.Equal(open.Select(r => (r.InputTokens, r.OutputTokens)), closed.Select(r => (r.InputTokens, r.OutputTokens)));
        Assert.All(closed, request => Assert.Equal(TimeSpan.Zero, request.Arrival));
    }

    [Fact]
    public void PromptOf_SharedPrefix_IsCommonAndThePromptsStillDiffer()
    {
        var workload = new Workload(Options with { SharedPrefixTokens = 20 });
        var prompts = workload.Requests().Take(200).Select(request => (request, Prompt: workload.PromptOf(request))).ToList();
        Assert.All(prompts, p => Assert.Equal(p.request.InputTokens, p.Prompt.Length));
        Assert.All(prompts, p => Assert.All(p.Prompt, id => Assert.InRange(id, 256, 999)));
        var prefix = prompts.First(p => p.Prompt.Length > 20).Prompt[..20];
        Assert.All(prompts, p => Assert.Equal(prefix[..Math.Min(20, p.Prompt.Length - 1)], p.Prompt[..Math.Min(20, p.Prompt.Length - 1)]));
        var longer = prompts.Where(p => p.Prompt.Length > 24).Select(p => string.Join(',', p.Prompt)).ToList();
        Assert.Equal(longer.Count, longer.Distinct().Count());
    }

    [Theory]
    [InlineData("32..512", 32, 512)]
    [InlineData("7", 7, 7)]
    [InlineData("1..1", 1, 1)]
    public void TokenRange_Text_IsRead(string text, int min, int max)
    {
        Assert.True(TokenRange.TryParse(text, out var range));
        Assert.Equal(new TokenRange(min, max), range);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("5..4")]
    [InlineData("-1..4")]
    [InlineData("1...4")]
    [InlineData("a..b")]
    [InlineData("1..99999999999")]
    public void TokenRange_Malformed_IsRefused(string text) => Assert.False(TokenRange.TryParse(text, out _));

    [Fact]
    public void Validate_BadOptions_NamesTheOption()
    {
        (LoadOptions Options, string Subject)[] cases =
        [
            (Options with { Requests = 0 }, "requests"),
            (Options with { Concurrency = 1 }, "rate"),
            (Options with { RatePerSecond = null }, "rate"),
            (Options with { RatePerSecond = 0 }, "rate"),
            (Options with { RatePerSecond = double.NaN }, "rate"),
            (Options with { RatePerSecond = null, Concurrency = 0 }, "concurrency"),
            (Options with { Url = new Uri("ftp://x") }, "url"),
            (Options with { InputTokens = new TokenRange(5, 4) }, "input-tokens"),
            (Options with { SharedPrefixTokens = -1 }, "shared-prefix-tokens"),
            (Options with { RequestTimeout = TimeSpan.Zero }, "timeout"),
        ];
        foreach (var (options, subject) in cases)
            Assert.Equal(subject, Assert.Throws<LoadGeneratorException>(options.Validate).Subject);
        Options.Validate();
    }
}
