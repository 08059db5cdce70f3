using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text.Json;
using Fathom.Server.Tests.Fakes;
using OpenAI;
using OpenAI.Chat;

namespace Fathom.Server.Tests.Clients;

/// <summary>OpenAI's own .NET package talks to the server.</summary>
public sealed class OpenAiPackageTests(EchoServerFixture fixture) : IClassFixture<EchoServerFixture>
{
    private OpenAIClient OpenAi(Uri? address = null) => new(new ApiKeyCredential("unused"), new OpenAIClientOptions
    {
        Endpoint = new Uri(address ?? fixture.Server.Address, "/v1"),
        RetryPolicy = new ClientRetryPolicy(0),
    });

    private OpenAI.Chat.ChatClient Chat => OpenAi().GetChatClient("echo");

    [Fact]
    public async Task CompleteChat_Text_Answers()
    {
        ChatCompletion completion = await Chat.CompleteChatAsync(new SystemChatMessage("be"), new UserChatMessage("bonjour é"));
        Assert.Equal("Echo: bonjour é", Assert.Single(completion.Content).Text);
        Assert.Equal(ChatFinishReason.Stop, completion.FinishReason);
        Assert.Equal(ChatMessageRole.Assistant, completion.Role);
        Assert.Equal("echo", completion.Model);
        Assert.StartsWith("chatcmpl-", completion.Id, StringComparison.Ordinal);
        Assert.True(completion.Usage.InputTokenCount > 0);
        Assert.Equal(completion.Usage.InputTokenCount + completion.Usage.OutputTokenCount, completion.Usage.TotalTokenCount);
    }

    [Fact]
    public async Task CompleteChatStreaming_Text_JoinsAndEndsWithUsage()
    {
        var text = "";
        ChatFinishReason? reason = null;
        ChatTokenUsage? usage = null;
        await foreach (var update in Chat.CompleteChatStreamingAsync([new UserChatMessage("stream 🦆")], new ChatCompletionOptions { MaxOutputTokenCount = 100 }))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            reason = update.FinishReason ?? reason;
            usage = update.Usage ?? usage;
        }

        Assert.Equal("Echo: stream 🦆", text);
        Assert.Equal(ChatFinishReason.Stop, reason);
        Assert.True(usage?.OutputTokenCount > 0);
    }

    [Fact]
    public async Task CompleteChat_Logprobs_AreRead()
    {
        ChatCompletion completion = await Chat.CompleteChatAsync([new UserChatMessage("é")],
            new ChatCompletionOptions { IncludeLogProbabilities = true, TopLogProbabilityCount = 2, Temperature = 0 });
        Assert.Equal("Echo: é"u8.Length, completion.ContentTokenLogProbabilities.Count);
        var first = completion.ContentTokenLogProbabilities[0];
        Assert.Equal("E", first.Token);
        Assert.InRange(first.LogProbability, -1e-3f, 0);
        Assert.Equal(2, first.TopLogProbabilities.Count);
    }

    [Fact]
    public async Task CompleteChat_LengthAndStop_AreReported()
    {
        ChatCompletion cut = await Chat.CompleteChatAsync([new UserChatMessage("abc")], new ChatCompletionOptions { MaxOutputTokenCount = 2 });
        Assert.Equal(ChatFinishReason.Length, cut.FinishReason);
        ChatCompletion stopped = await Chat.CompleteChatAsync([new UserChatMessage("abc")], new ChatCompletionOptions { StopSequences = { ":" } });
        Assert.Equal("Echo", stopped.Content[0].Text);
    }

    [Fact]
    public async Task CompleteChat_UnknownModel_ThrowsWith404()
    {
        var e = await Assert.ThrowsAsync<ClientResultException>(() => OpenAi().GetChatClient("nope").CompleteChatAsync("hi"));
        Assert.Equal(404, e.Status);
        Assert.Contains("model_not_found", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CompleteChat_Tools_ThrowWithTheParameter()
    {
        var options = new ChatCompletionOptions { Tools = { ChatTool.CreateFunctionTool("f") } };
        var e = await Assert.ThrowsAsync<ClientResultException>(() => Chat.CompleteChatAsync([new UserChatMessage("x")], options));
        Assert.Equal(400, e.Status);
        Assert.Contains("tools", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CompleteChatStreaming_TooLong_ThrowsBeforeTheStream()
    {
        var e = await Assert.ThrowsAsync<ClientResultException>(async () =>
        {
            await foreach (var _ in Chat.CompleteChatStreamingAsync(new UserChatMessage(new string('x', 600))))
            {
            }
        });
        Assert.Equal(400, e.Status);
        Assert.Contains("context_length_exceeded", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Models_ListAndGet_AreRead()
    {
        var client = OpenAi().GetOpenAIModelClient();
        Assert.Equal("echo", Assert.Single((await client.GetModelsAsync()).Value).Id);
        Assert.Equal("fathom", (await client.GetModelAsync("echo")).Value.OwnedBy);
    }

    /// <summary>The package offers text completions through its pipeline only: it keeps its completion client to itself.</summary>
    [Fact]
    public async Task Completions_ThroughThePipeline_Answer()
    {
        var pipeline = OpenAi().Pipeline;
        using var message = pipeline.CreateMessage();
        message.Request.Method = "POST";
        message.Request.Uri = new Uri(fixture.Server.Address, "/v1/completions");
        message.Request.Headers.Set("Content-Type", "application/json");
        message.Request.Content = BinaryContent.Create(BinaryData.FromString("{\"model\":\"echo\",\"prompt\":\"x\"}"));
        await pipeline.SendAsync(message);
        Assert.Equal("yz", JsonElement.Parse(message.Response!.Content.ToString()).GetProperty("choices")[0].GetProperty("text").GetString());
    }
}
