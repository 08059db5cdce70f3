using Fathom.Server.ChatClient;
using Fathom.Server.Tests.Fakes;
using Microsoft.Extensions.AI;

namespace Fathom.Server.Tests.ChatClient;

public sealed class FathomChatClientTests(EchoServerFixture fixture) : IClassFixture<EchoServerFixture>
{
    private FathomChatClient Client => new(fixture.Server.Model);

    [Fact]
    public async Task GetResponse_Text_AnswersWithUsage()
    {
        var response = await Client.GetResponseAsync([new ChatMessage(ChatRole.System, "s"), new ChatMessage(ChatRole.User, "hello 🦆")]);
        Assert.Equal("Echo: hello 🦆", response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal("echo", response.ModelId);
        Assert.Equal(1 + "hello 🦆"u8.Length + 5, response.Usage?.InputTokenCount);
        Assert.Equal("Echo: hello 🦆"u8.Length + 1, response.Usage?.OutputTokenCount);
    }

    [Fact]
    public async Task GetStreamingResponse_Text_JoinsToTheAnswer()
    {
        var text = "";
        await foreach (var update in Client.GetStreamingResponseAsync("one two three"))
            text += update.Text;
        Assert.Equal("Echo: one two three", text);
    }

    [Theory]
    [InlineData(4, null, "Echo", "length")]
    [InlineData(null, "two", "Echo: one ", "stop")]
    public async Task GetResponse_Options_AreMapped(int? maxTokens, string? stop, string expected, string reason)
    {
        var options = new ChatOptions { MaxOutputTokens = maxTokens, StopSequences = stop is null ? null : [stop], Temperature = 0, TopP = 0.9f, TopK = 5, Seed = 3, ModelId = "echo" };
        var response = await Client.GetResponseAsync("one two", options);
        Assert.Equal(expected, response.Text);
        Assert.Equal(reason, response.FinishReason?.Value);
    }

    [Fact]
    public async Task GetResponse_Unsupported_RefusedByName()
    {
        var tools = await Assert.ThrowsAsync<ChatRefusedException>(() =>
            Client.GetResponseAsync("x", new ChatOptions { Tools = [AIFunctionFactory.Create(() => 1, "one")] }));
        Assert.Equal("tools", tools.Parameter);
        var format = await Assert.ThrowsAsync<ChatRefusedException>(() => Client.GetResponseAsync("x", new ChatOptions { ResponseFormat = ChatResponseFormat.Json }));
        Assert.Equal("response_format", format.Parameter);
        var model = await Assert.ThrowsAsync<ChatRefusedException>(() => Client.GetResponseAsync("x", new ChatOptions { ModelId = "other" }));
        Assert.Equal("model_not_found", model.Code);
        var image = new ChatMessage(ChatRole.User, [new DataContent("data:image/png;base64,AAAA")]);
        Assert.Equal("messages[0].content", (await Assert.ThrowsAsync<ChatRefusedException>(() => Client.GetResponseAsync([image]))).Parameter);
        var tooLong = await Assert.ThrowsAsync<ChatRefusedException>(() => Client.GetResponseAsync(new string('x', 600)));
        Assert.Equal("context_length_exceeded", tooLong.Code);
        var temperature = await Assert.ThrowsAsync<ChatRefusedException>(() => Client.GetResponseAsync("x", new ChatOptions { Temperature = -1 }));
        Assert.Equal("temperature", temperature.Parameter);
    }

    [Fact]
    public async Task GetStreamingResponse_Cancelled_FreesTheRequest()
    {
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var update in Client.GetStreamingResponseAsync("forever", null, cancel.Token))
                await cancel.CancelAsync();
        });
        await fixture.Server.WaitUntilIdleAsync();
    }

    [Fact]
    public void GetService_KnownTypes_AreGiven()
    {
        IChatClient client = Client;
        Assert.Equal("echo", client.GetService<ChatClientMetadata>()?.DefaultModelId);
        Assert.Same(fixture.Server.Model, client.GetService<ServedModel>());
        Assert.Same(client, client.GetService<FathomChatClient>());
        Assert.Null(client.GetService<string>());
    }
}
