using System.Text.Json;
using Fathom.Server.Tests.Fakes;

namespace Fathom.Server.Tests.OpenAi;

public sealed class RequestValidationTests(EchoServerFixture fixture) : IClassFixture<EchoServerFixture>
{
    private const string Messages = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";

    [Theory]
    [InlineData("\"temperature\":3", "temperature")]
    [InlineData("\"temperature\":-0.1", "temperature")]
    [InlineData("\"temperature\":\"hot\"", "temperature")]
    [InlineData("\"top_p\":1.5", "top_p")]
    [InlineData("\"top_k\":-2", "top_k")]
    [InlineData("\"min_p\":2", "min_p")]
    [InlineData("\"typical_p\":-1", "typical_p")]
    [InlineData("\"repetition_penalty\":0", "repetition_penalty")]
    [InlineData("\"presence_penalty\":2.5", "presence_penalty")]
    [InlineData("\"frequency_penalty\":-3", "frequency_penalty")]
    [InlineData("\"n\":0", "n")]
    [InlineData("\"n\":129", "n")]
    [InlineData("\"n\":1.5", "n")]
    [InlineData("\"max_tokens\":0", "max_tokens")]
    [InlineData("\"max_completion_tokens\":-5", "max_completion_tokens")]
    [InlineData("\"min_tokens\":-1", "min_tokens")]
    [InlineData("\"min_tokens\":9,\"max_tokens\":5", "min_tokens")]
    [InlineData("\"seed\":\"x\"", "seed")]
    [InlineData("\"stream\":\"yes\"", "stream")]
    [InlineData("\"stream_options\":{\"include_usage\":true}", "stream_options")]
    [InlineData("\"stream\":true,\"stream_options\":[]", "stream_options")]
    [InlineData("\"stop\":5", "stop")]
    [InlineData("\"stop\":\"\"", "stop")]
    [InlineData("\"stop\":[\"a\",7]", "stop[1]")]
    [InlineData("\"stop_token_ids\":[263]", "stop_token_ids[0]")]
    [InlineData("\"stop_token_ids\":[-1]", "stop_token_ids[0]")]
    [InlineData("\"logit_bias\":{\"999\":1}", "logit_bias")]
    [InlineData("\"logit_bias\":{\"hello\":1}", "logit_bias")]
    [InlineData("\"logit_bias\":{\"5\":101}", "logit_bias.5")]
    [InlineData("\"logit_bias\":[1]", "logit_bias")]
    [InlineData("\"logprobs\":5", "logprobs")]
    [InlineData("\"top_logprobs\":3", "top_logprobs")]
    [InlineData("\"logprobs\":true,\"top_logprobs\":21", "top_logprobs")]
    [InlineData("\"ignore_eos\":1", "ignore_eos")]
    [InlineData("\"chat_template_kwargs\":[]", "chat_template_kwargs")]
    [InlineData("\"chat_template_kwargs\":{\"messages\":[]}", "chat_template_kwargs")]
    public async Task Chat_FieldOutOfRangeOrOfWrongType_RefusedByName(string field, string param)
    {
        var (status, body) = await fixture.Server.CallAsync("/v1/chat/completions", $"{{{Messages},{field}}}");
        AssertError(body, status, 400, param);
    }

    [Theory]
    [InlineData("\"tools\":[{\"type\":\"function\"}]", "tools")]
    [InlineData("\"tool_choice\":\"required\"", "tool_choice")]
    [InlineData("\"functions\":[{}]", "functions")]
    [InlineData("\"function_call\":{\"name\":\"f\"}", "function_call")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{}}", "response_format")]
    [InlineData("\"response_format\":{\"type\":\"json_object\"}", "response_format")]
    [InlineData("\"modalities\":[\"text\",\"audio\"]", "modalities")]
    [InlineData("\"audio\":{\"voice\":\"alloy\"}", "audio")]
    [InlineData("\"guided_json\":{}", "guided_json")]
    [InlineData("\"use_beam_search\":true", "use_beam_search")]
    public async Task Chat_UnsupportedFeature_RefusedByName(string field, string param)
    {
        var (status, body) = await fixture.Server.CallAsync("/v1/chat/completions", $"{{{Messages},{field}}}");
        AssertError(body, status, 400, param, "unsupported_parameter");
    }

    [Theory]
    [InlineData("{}", "messages")]
    [InlineData("{\"messages\":\"hi\"}", "messages")]
    [InlineData("{\"messages\":[]}", "messages")]
    [InlineData("{\"messages\":[5]}", "messages[0]")]
    [InlineData("{\"messages\":[{\"content\":\"x\"}]}", "messages[0].role")]
    [InlineData("{\"messages\":[{\"role\":\"wizard\",\"content\":\"x\"}]}", "messages[0].role")]
    [InlineData("{\"messages\":[{\"role\":\"user\"}]}", "messages[0].content")]
    [InlineData("{\"messages\":[{\"role\":\"user\",\"content\":5}]}", "messages[0].content")]
    [InlineData("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]}]}", "messages[0].content[0].type")]
    [InlineData("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]}", "messages[0].content[0].text")]
    public async Task Chat_BadMessages_RefusedByPath(string json, string param)
    {
        var (status, body) = await fixture.Server.CallAsync("/v1/chat/completions", json);
        AssertError(body, status, 400, param);
    }

    [Theory]
    [InlineData("{}", "prompt")]
    [InlineData("{\"prompt\":7}", "prompt")]
    [InlineData("{\"prompt\":[]}", "prompt")]
    [InlineData("{\"prompt\":[\"a\",5]}", "prompt[1]")]
    [InlineData("{\"prompt\":[1,\"a\"]}", "prompt[1]")]
    [InlineData("{\"prompt\":[1,99999]}", "prompt[1]")]
    [InlineData("{\"prompt\":[[]]}", "prompt[0]")]
    [InlineData("{\"prompt\":\"a\",\"max_tokens\":0}", "max_tokens")]
    [InlineData("{\"prompt\":\"a\",\"n\":3,\"best_of\":2}", "best_of")]
    [InlineData("{\"prompt\":\"a\",\"best_of\":2,\"stream\":true}", "best_of")]
    [InlineData("{\"prompt\":\"a\",\"logprobs\":21}", "logprobs")]
    [InlineData("{\"prompt\":\"a\",\"echo\":\"yes\"}", "echo")]
    [InlineData("{\"prompt\":\"a\",\"suffix\":\"z\"}", "suffix")]
    [InlineData("{\"prompt\":[[1],[1],[1],[1],[1],[1],[1],[1],[1]],\"n\":128}", "prompt")]
    public async Task Completion_BadField_RefusedByName(string json, string param)
    {
        var (status, body) = await fixture.Server.CallAsync("/v1/completions", json);
        AssertError(body, status, 400, param);
    }

    [Theory]
    [InlineData("\"temperature\":null,\"stop\":null,\"logit_bias\":null,\"n\":null")]
    [InlineData("\"no_such_field\":{\"a\":[1]},\"user\":\"u\",\"metadata\":{},\"store\":false,\"service_tier\":\"auto\"")]
    [InlineData("\"tools\":[],\"tool_choice\":\"none\",\"response_format\":{\"type\":\"text\"},\"modalities\":[\"text\"],\"functions\":null")]
    [InlineData("\"top_k\":-1,\"top_p\":0,\"typical_p\":1,\"min_p\":0,\"repetition_penalty\":1.1,\"seed\":-1,\"temperature\":0")]
    public async Task Chat_NullsUnknownFieldsAndNeutralValues_Pass(string fields)
    {
        var (status, _) = await fixture.Server.CallAsync("/v1/chat/completions", $"{{{Messages},{fields}}}");
        Assert.Equal(200, status);
    }

    [Fact]
    public async Task Chat_UnknownModel_404()
    {
        var (status, body) = await fixture.Server.CallAsync("/v1/chat/completions", $"{{\"model\":\"nope\",{Messages}}}");
        AssertError(body, status, 404, "model", "model_not_found");
    }

    [Fact]
    public async Task Chat_PromptLongerThanContext_Refused()
    {
        var text = new string('x', RunningServer.ContextTokens);
        var (status, body) = await fixture.Server.CallAsync("/v1/chat/completions", $"{{\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}");
        AssertError(body, status, 400, "messages", "context_length_exceeded");
        Assert.Contains("512 tokens", body.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(513)]
    [InlineData(100_000)]
    public async Task Completion_PromptLongerThanContext_Refused(int characters)
    {
        var (status, body) = await fixture.Server.CallAsync("/v1/completions", $"{{\"prompt\":\"{new string('x', characters)}\"}}");
        AssertError(body, status, 400, "prompt", "context_length_exceeded");
    }

    internal static void AssertError(JsonElement body, int status, int expectedStatus, string? param, string? code = null)
    {
        var error = body.GetProperty("error");
        Assert.Equal(expectedStatus, status);
        Assert.Equal(param, error.GetProperty("param").GetString());
        Assert.False(string.IsNullOrEmpty(error.GetProperty("message").GetString()));
        Assert.False(string.IsNullOrEmpty(error.GetProperty("type").GetString()));
        if (code is not null)
            Assert.Equal(code, error.GetProperty("code").GetString());
        if (param is not null && expectedStatus == 400 && code != "context_length_exceeded")
            Assert.Contains(param, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }
}
