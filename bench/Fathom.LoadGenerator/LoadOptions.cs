using System.Globalization;

namespace Fathom.LoadGenerator;

/// <summary>One load: what is asked of which server, how fast, for how long.</summary>
/// <remarks>Exactly one of <see cref="RatePerSecond"/> and <see cref="Concurrency"/> is set.</remarks>
public sealed record LoadOptions
{
    /// <summary>The server's address, with or without <c>/v1</c>.</summary>
    public required Uri Url { get; init; }

    /// <summary>Requests in all, not counting the few that find out what the server accepts.</summary>
    public int Requests { get; init; } = 100;

    /// <summary>Open loop: Poisson arrivals at this mean rate, whatever the server's pace. Requests per second.</summary>
    public double? RatePerSecond { get; init; }

    /// <summary>Closed loop: this many requests in flight, a new one whenever one ends.</summary>
    public int? Concurrency { get; init; }

    /// <summary>Most requests in flight in an open loop; arrivals beyond it wait, and their wait counts as latency.</summary>
    public int ConcurrencyMax { get; init; } = 1024;

    /// <summary>Prompt lengths.</summary>
    public TokenRange InputTokens { get; init; } = new(32, 512);

    /// <summary>Tokens to generate; servers are asked to ignore the end of sequence.</summary>
    public TokenRange OutputTokens { get; init; } = new(1, 128);

    /// <summary>Leading tokens that all prompts share, as a common system prompt would; at most a prompt's length less one.</summary>
    public int SharedPrefixTokens { get; init; }

    /// <summary>Decides arrivals, lengths and prompts.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>The model's name; the first that the server lists when null.</summary>
    public string? Model { get; init; }

    /// <summary>Sent as bearer token when set.</summary>
    public string? ApiKey { get; init; }

    /// <summary>After this a request is given up and counted as <c>timeout</c>.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Prompts of token ids draw from this range, which every real vocabulary has below its control tokens.</summary>
    public TokenRange PromptTokenIds { get; init; } = new(256, 999);

    /// <summary>Checks the options against one another.</summary>
    /// <exception cref="LoadGeneratorException">Names the option, the value and what is allowed.</exception>
    public void Validate()
    {
        Require(Url is { IsAbsoluteUri: true, Scheme: "http" or "https" }, "url", Url, "an absolute http or https address");
        Require(Requests is >= 1 and <= 10_000_000, "requests", Requests, "1 to 10000000");
        Require(RatePerSecond is null != Concurrency is null, "rate", RatePerSecond, "exactly one of rate and concurrency");
        Require(RatePerSecond is null or (> 0 and <= 1e6), "rate", RatePerSecond, "above 0, up to 1000000 requests per second");
        Require(Concurrency is null or (>= 1 and <= 100_000), "concurrency", Concurrency, "1 to 100000");
        Require(ConcurrencyMax is >= 1 and <= 100_000, "concurrency-max", ConcurrencyMax, "1 to 100000");
        RequireRange("input-tokens", InputTokens, 1_000_000);
        RequireRange("output-tokens", OutputTokens, 1_000_000);
        RequireRange("prompt-token-ids", PromptTokenIds, int.MaxValue);
        Require(SharedPrefixTokens is >= 0 and <= 1_000_000, "shared-prefix-tokens", SharedPrefixTokens, "0 to 1000000");
        Require(RequestTimeout > TimeSpan.Zero && RequestTimeout <= TimeSpan.FromDays(1), "timeout", RequestTimeout, "above 0, up to a day");
    }

    private static void RequireRange(string option, TokenRange range, int most) =>
        Require(range.Min >= 1 && range.Max >= range.Min && range.Max <= most, option, range,
            string.Create(CultureInfo.InvariantCulture, $"MIN..MAX within 1..{most}"));

    private static void Require(bool holds, string option, object? value, string allowed)
    {
        if (!holds)
            throw new LoadGeneratorException(option, string.Create(CultureInfo.InvariantCulture, $"{value ?? "nothing"} is not allowed; allowed: {allowed}."));
    }
}
