using System.Text;
using System.Text.Json;
using Fathom.Server.Tests.Fakes;

namespace Fathom.Server.Tests.OpenAi;

public sealed class ChatCompletionTests(EchoServerFixture fixture) : IClassFixture<EchoServerFixture>
{
    private const string Path = "/v1/chat/completions";

    private static string Chat(string text, string more = "") =>
        $$"""{"model":"echo","messages":[{"role":"system","content":"s"},{"role":"user","content":{{JsonSerializer.Serialize(text)}}}]{{more}}}""";

    [Theory]
    [InlineData("hello")]
    [InlineData("")]
    [InlineData("naïve 🦆 \"quoted\" \\ </script>\u2028 \n tab\t")]
    public async Task Chat_Plain_AnswersWholeWithUsage(string text)
    {
        var (status, body) = await fixture.Server.CallAsync(Path, Chat(text));

        Assert.Equal(200, status);
        Assert.StartsWith("chatcmpl-", body.GetProperty("id").GetString(), StringComparison.Ordinal);
        Assert.Equal("chat.completion", body.GetProperty("object").GetString());
        Assert.Equal("echo", body.GetProperty("model").GetString());
        Assert.StartsWith("fathom-", body.GetProperty("system_fingerprint").GetString(), StringComparison.Ordinal);
        var choice = Assert.Single(body.GetProperty("choices").EnumerateArray());
        Assert.Equal("Echo: " + text, choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("assistant", choice.GetProperty("message").GetProperty("role").GetString());
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
        Assert.Equal(JsonValueKind.Null, choice.GetProperty("logprobs").ValueKind);
        var usage = body.GetProperty("usage");
        // Two turns with a marker before and after each, one marker for the answer.
        Assert.Equal(1 + Encoding.UTF8.GetByteCount(text) + 5, usage.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(6 + Encoding.UTF8.GetByteCount(text) + 1, usage.GetProperty("completion_tokens").GetInt32());
        Assert.True(usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32() >= 0);
    }

    [Fact]
    public async Task Chat_Streamed_ChunksJoinToTheAnswerAndEndWithDone()
    {
        using var response = await fixture.Server.PostAsync(Path, Chat("déjà vu 🦆", ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
        var chunks = await ServerSentEvents.ReadChunksAsync(response);

        Assert.All(chunks, chunk => Assert.Equal("chat.completion.chunk", chunk.GetProperty("object").GetString()));
        Assert.Single(chunks.Select(chunk => chunk.GetProperty("id").GetString()).Distinct());
        Assert.Equal("assistant", Delta(chunks[0]).GetProperty("role").GetString());
        var text = string.Concat(chunks[..^1].Select(chunk => Delta(chunk).TryGetProperty("content", out var c) ? c.GetString() : ""));
        Assert.Equal("Echo: déjà vu 🦆", text);
        Assert.Equal("stop", chunks[^2].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.All(chunks[..^1], chunk => Assert.Equal(JsonValueKind.Null, chunk.GetProperty("usage").ValueKind));
        Assert.Equal(0, chunks[^1].GetProperty("choices").GetArrayLength());
        Assert.True(chunks[^1].GetProperty("usage").GetProperty("completion_tokens").GetInt32() > 0);
    }

    [Fact]
    public async Task Chat_StreamedWithoutUsage_HasNoUsage()
    {
        using var response = await fixture.Server.PostAsync(Path, Chat("x", ",\"stream\":true"));
        var chunks = await ServerSentEvents.ReadChunksAsync(response);
        Assert.All(chunks, chunk => Assert.False(chunk.TryGetProperty("usage", out _)));
    }

    [Fact]
    public async Task Chat_SeveralChoicesStreamed_EachIsWhole()
    {
        using var response = await fixture.Server.PostAsync(Path, Chat("abc", ",\"stream\":true,\"n\":3"));
        var texts = new StringBuilder[] { new(), new(), new() };
        foreach (var chunk in await ServerSentEvents.ReadChunksAsync(response))
        {
            var choice = chunk.GetProperty("choices")[0];
            if (choice.GetProperty("delta").TryGetProperty("content", out var content))
                texts[choice.GetProperty("index").GetInt32()].Append(content.GetString());
        }

        Assert.All(texts, text => Assert.Equal("Echo: abc", text.ToString()));
    }

    [Theory]
    [InlineData(",\"max_tokens\":4", "Echo", "length")]
    [InlineData(",\"max_completion_tokens\":4,\"max_tokens\":50", "Echo", "length")]
    [InlineData(",\"stop\":\"one\"", "Echo: ", "stop")]
    [InlineData(",\"stop\":[\"never\",\": \"]", "Echo", "stop")]
    [InlineData(",\"stop_token_ids\":[111]", "Ech", "stop")]
    [InlineData(",\"logit_bias\":{\"69\":-100}", "F", "length", ",\"max_tokens\":1,\"temperature\":0")]
    public async Task Chat_LimitsStopsAndBias_EndTheAnswer(string field, string expected, string reason, string more = "")
    {
        var (_, body) = await fixture.Server.CallAsync(Path, Chat("one two", field + more));
        var choice = body.GetProperty("choices")[0];
        Assert.Equal(expected, choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal(reason, choice.GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Chat_ContentParts_AreJoined()
    {
        var (_, body) = await fixture.Server.CallAsync(Path,
            """{"messages":[{"role":"developer","content":"d"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}""");
        Assert.Equal("Echo: a\nb", body.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
    }

    [Fact]
    public async Task Chat_AssistantAndToolTurns_ReachTheTemplate()
    {
        var (status, _) = await fixture.Server.CallAsync(Path,
            """{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},{"role":"tool","tool_call_id":"1","content":"r"}]}""");
        Assert.Equal(200, status);
    }

    [Fact]
    public async Task Chat_Logprobs_HaveTokensBytesAndAlternatives()
    {
        var (_, body) = await fixture.Server.CallAsync(Path, Chat("é", ",\"logprobs\":true,\"top_logprobs\":2,\"temperature\":0"));
        var content = body.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("content");

        Assert.Equal("Echo: é"u8.Length, content.GetArrayLength());
        var first = content[0];
        Assert.Equal("E", first.GetProperty("token").GetString());
        Assert.Equal((int)'E', first.GetProperty("bytes")[0].GetInt32());
        var gap = Math.Exp(EchoExecutor.NextLogit - EchoExecutor.BestLogit);
        Assert.Equal(-gap, first.GetProperty("logprob").GetDouble(), 1e-6);
        Assert.Equal("F", first.GetProperty("top_logprobs")[1].GetProperty("token").GetString());
        Assert.Equal(EchoExecutor.NextLogit - EchoExecutor.BestLogit, first.GetProperty("top_logprobs")[1].GetProperty("logprob").GetDouble(), 1e-3);
        Assert.Equal("\\xc3", content[6].GetProperty("token").GetString());
    }

    [Fact]
    public async Task Chat_LogprobsStreamed_CoverEveryToken()
    {
        using var response = await fixture.Server.PostAsync(Path, Chat("é🦆", ",\"stream\":true,\"logprobs\":true"));
        var bytes = new List<byte>();
        foreach (var chunk in await ServerSentEvents.ReadChunksAsync(response))
        {
            var logprobs = chunk.GetProperty("choices")[0].GetProperty("logprobs");
            if (logprobs.ValueKind == JsonValueKind.Object)
                bytes.AddRange(logprobs.GetProperty("content").EnumerateArray().SelectMany(t => t.GetProperty("bytes").EnumerateArray()).Select(b => b.GetByte()));
        }

        Assert.Equal("Echo: é🦆", Encoding.UTF8.GetString([.. bytes]));
    }

    [Fact]
    public async Task Chat_SamePromptTwice_ReportsCachedTokens()
    {
        var text = new string('p', 100);
        await fixture.Server.CallAsync(Path, Chat(text));
        var (_, body) = await fixture.Server.CallAsync(Path, Chat(text));
        Assert.True(body.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32() >= 96);
    }

    [Fact]
    public async Task Chat_ByAlias_IsServedUnderTheModelsName()
    {
        var (status, body) = await fixture.Server.CallAsync(Path, """{"model":"org/echo-alias","messages":[{"role":"user","content":"x"}]}""");
        Assert.Equal(200, status);
        Assert.Equal("echo", body.GetProperty("model").GetString());
    }

    private static JsonElement Delta(JsonElement chunk) => chunk.GetProperty("choices")[0].GetProperty("delta");
}
