using System.Text.Json;
using Fathom.Server.Tests.Fakes;

namespace Fathom.Server.Tests.OpenAi;

public sealed class ModelAndTokenizationTests(EchoServerFixture fixture) : IClassFixture<EchoServerFixture>
{
    [Theory]
    [InlineData("/v1/models/echo")]
    [InlineData("/v1/models/org/echo-alias")]
    public async Task Model_ByNameOrAlias_IsDescribed(string path)
    {
        var model = JsonElement.Parse(await fixture.Server.Client.GetStringAsync(new Uri(path, UriKind.Relative)));
        Assert.Equal("echo", model.GetProperty("id").GetString());
        Assert.Equal("model", model.GetProperty("object").GetString());
        Assert.Equal(RunningServer.ContextTokens, model.GetProperty("max_model_len").GetInt32());
        Assert.True(model.GetProperty("created").GetInt64() > 1_700_000_000);
    }

    [Fact]
    public async Task Models_List_HoldsTheModel()
    {
        var list = JsonElement.Parse(await fixture.Server.Client.GetStringAsync(new Uri("/v1/models", UriKind.Relative)));
        Assert.Equal("list", list.GetProperty("object").GetString());
        Assert.Equal("echo", Assert.Single(list.GetProperty("data").EnumerateArray()).GetProperty("id").GetString());
    }

    [Theory]
    [InlineData("{\"prompt\":\"aé\"}", new[] { 256, 97, 195, 169 })]
    [InlineData("{\"prompt\":\"a<|end|>\",\"add_special_tokens\":false}", new[] { 97, 262 })]
    [InlineData("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", new[] { 258, 97, 262, 259 })]
    [InlineData("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"add_generation_prompt\":false}", new[] { 258, 97, 262 })]
    public async Task Tokenize_TextOrChat_GivesIds(string json, int[] expected)
    {
        var (status, body) = await fixture.Server.CallAsync("/tokenize", json);
        Assert.Equal(200, status);
        Assert.Equal(expected, body.GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32()));
        Assert.Equal(expected.Length, body.GetProperty("count").GetInt32());
        Assert.Equal(RunningServer.ContextTokens, body.GetProperty("max_model_len").GetInt32());
    }

    [Fact]
    public async Task Tokenize_WithStrings_SpellsTokens()
    {
        var (_, body) = await fixture.Server.CallAsync("/tokenize", "{\"prompt\":\"aé\",\"return_token_strs\":true}");
        Assert.Equal(["<s>", "a", "\\xc3", "\\xa9"], body.GetProperty("token_strs").EnumerateArray().Select(t => t.GetString()!));
    }

    [Fact]
    public async Task Detokenize_Ids_GivesText()
    {
        var (_, body) = await fixture.Server.CallAsync("/detokenize", "{\"tokens\":[256,97,195,169,262]}");
        Assert.Equal("<s>aé<|end|>", body.GetProperty("prompt").GetString());
    }

    [Theory]
    [InlineData("/tokenize", "{}", "prompt")]
    [InlineData("/tokenize", "{\"prompt\":[1]}", "prompt")]
    [InlineData("/detokenize", "{}", "tokens")]
    [InlineData("/detokenize", "{\"tokens\":[263]}", "tokens[0]")]
    [InlineData("/detokenize", "{\"tokens\":\"a\"}", "tokens")]
    public async Task Tokenization_BadField_RefusedByName(string path, string json, string param)
    {
        var (status, body) = await fixture.Server.CallAsync(path, json);
        RequestValidationTests.AssertError(body, status, 400, param);
    }
}
