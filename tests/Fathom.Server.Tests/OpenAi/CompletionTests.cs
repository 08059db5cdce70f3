using System.Text.Json;
using Fathom.Server.Tests.Fakes;

namespace Fathom.Server.Tests.OpenAi;

public sealed class CompletionTests(EchoServerFixture fixture) : IClassFixture<EchoServerFixture>
{
    private const string Path = "/v1/completions";

    [Theory]
    [InlineData("\"x\"", "yz", "stop")]
    [InlineData("\"a\"", "bcdefghijklmnopq", "length")]
    [InlineData("[97,98]", "cdefghijklmnopqr", "length")]
    [InlineData("[[120]]", "yz", "stop")]
    [InlineData("\"\"", "abcdefghijklmnop", "length")]
    public async Task Complete_EveryKindOfPrompt_Continues(string prompt, string expected, string reason)
    {
        var (status, body) = await fixture.Server.CallAsync(Path, $$"""{"prompt":{{prompt}}}""");
        Assert.Equal(200, status);
        Assert.Equal("text_completion", body.GetProperty("object").GetString());
        var choice = Assert.Single(body.GetProperty("choices").EnumerateArray());
        Assert.Equal(expected, choice.GetProperty("text").GetString());
        Assert.Equal(reason, choice.GetProperty("finish_reason").GetString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Complete_SeveralPromptsAndChoices_IndexedByPrompt(bool stream)
    {
        var json = $$"""{"prompt":["a","m","x"],"n":2,"max_tokens":2,"stream":{{(stream ? "true" : "false")}}}""";
        using var response = await fixture.Server.PostAsync(Path, json);
        List<JsonElement> parts = stream
            ? await ServerSentEvents.ReadChunksAsync(response)
            : [JsonElement.Parse(await response.Content.ReadAsStringAsync())];
        var texts = new string[6];
        foreach (var choice in parts.SelectMany(part => part.GetProperty("choices").EnumerateArray()))
            texts[choice.GetProperty("index").GetInt32()] += choice.GetProperty("text").GetString();
        Assert.Equal(["bc", "bc", "no", "no", "yz", "yz"], texts);
    }

    [Fact]
    public async Task Complete_SeveralPrompts_UsageIsTheirSum()
    {
        var (_, body) = await fixture.Server.CallAsync(Path, """{"prompt":["a","bc"],"max_tokens":3}""");
        var usage = body.GetProperty("usage");
        Assert.Equal(2 + 3, usage.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(6, usage.GetProperty("completion_tokens").GetInt32());
        Assert.Equal(11, usage.GetProperty("total_tokens").GetInt32());
    }

    [Fact]
    public async Task Complete_EchoWithLogprobs_CoversPromptAndOutput()
    {
        var (_, body) = await fixture.Server.CallAsync(Path, """{"prompt":[97,98,99],"max_tokens":2,"echo":true,"logprobs":1,"temperature":0}""");
        var choice = body.GetProperty("choices")[0];
        Assert.Equal("abcde", choice.GetProperty("text").GetString());
        var logprobs = choice.GetProperty("logprobs");
        Assert.Equal(["a", "b", "c", "d", "e"], logprobs.GetProperty("tokens").EnumerateArray().Select(t => t.GetString()!));
        Assert.Equal([0, 1, 2, 3, 4], logprobs.GetProperty("text_offset").EnumerateArray().Select(t => t.GetInt32()));
        Assert.Equal(JsonValueKind.Null, logprobs.GetProperty("token_logprobs")[0].ValueKind);
        Assert.Equal(JsonValueKind.Null, logprobs.GetProperty("top_logprobs")[0].ValueKind);
        Assert.Equal(0, logprobs.GetProperty("token_logprobs")[1].GetDouble(), 1e-3);
        Assert.True(logprobs.GetProperty("top_logprobs")[4].TryGetProperty("e", out _));
    }

    [Fact]
    public async Task Complete_EchoWithoutNewTokens_ScoresThePrompt()
    {
        var (status, body) = await fixture.Server.CallAsync(Path, """{"prompt":[97,98,120],"max_tokens":0,"echo":true,"logprobs":0}""");
        Assert.Equal(200, status);
        var choice = body.GetProperty("choices")[0];
        Assert.Equal("abx", choice.GetProperty("text").GetString());
        // x does not follow b: its logit is 40 below the best.
        Assert.Equal(-40, choice.GetProperty("logprobs").GetProperty("token_logprobs")[2].GetDouble(), 1e-3);
    }

    [Fact]
    public async Task Complete_EchoStreamed_BeginsWithThePrompt()
    {
        using var response = await fixture.Server.PostAsync(Path, """{"prompt":[97,98],"max_tokens":3,"echo":true,"stream":true,"logprobs":0}""");
        var chunks = await ServerSentEvents.ReadChunksAsync(response);
        Assert.Equal("abcde", string.Concat(chunks.Select(chunk => chunk.GetProperty("choices")[0].GetProperty("text").GetString())));
        var offsets = chunks.Select(chunk => chunk.GetProperty("choices")[0].GetProperty("logprobs"))
            .Where(l => l.ValueKind == JsonValueKind.Object).SelectMany(l => l.GetProperty("text_offset").EnumerateArray()).Select(o => o.GetInt32());
        Assert.Equal([0, 1, 2, 3, 4], offsets);
    }

    [Theory]
    [InlineData("\"best_of\":3,\"n\":2", 2)]
    [InlineData("\"best_of\":1", 1)]
    public async Task Complete_BestOf_ReturnsN(string fields, int choices)
    {
        var (status, body) = await fixture.Server.CallAsync(Path, $$"""{"prompt":"a","max_tokens":2,{{fields}}}""");
        Assert.Equal(200, status);
        Assert.Equal(choices, body.GetProperty("choices").GetArrayLength());
        Assert.All(body.GetProperty("choices").EnumerateArray(), choice => Assert.Equal("bc", choice.GetProperty("text").GetString()));
    }

    [Fact]
    public async Task Complete_IgnoreEosAndMinTokens_RunPastTheEnd()
    {
        var (_, ignoring) = await fixture.Server.CallAsync(Path, """{"prompt":"y","max_tokens":5,"ignore_eos":true,"temperature":0}""");
        Assert.Equal("length", ignoring.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        var (_, atLeast) = await fixture.Server.CallAsync(Path, """{"prompt":"y","max_tokens":9,"min_tokens":4,"temperature":0}""");
        Assert.True(atLeast.GetProperty("usage").GetProperty("completion_tokens").GetInt32() >= 4);
    }

    [Fact]
    public async Task Complete_TokenLimitPastTheContext_EndsAtTheContext()
    {
        var (status, body) = await fixture.Server.CallAsync(Path, """{"prompt":"a","max_tokens":1000000,"ignore_eos":true,"logit_bias":{"257":-100}}""");
        Assert.Equal(200, status);
        Assert.Equal("length", body.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.Equal(RunningServer.ContextTokens, body.GetProperty("usage").GetProperty("total_tokens").GetInt32());
    }
}
