using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Fathom.Server.Http;
using Fathom.Server.OpenAi;
using Fathom.Server.Tests.Fakes;
using Xunit.Abstractions;

namespace Fathom.Server.Tests.Http;

public sealed class BodyMutationTests(EchoServerFixture fixture, ITestOutputHelper output) : IClassFixture<EchoServerFixture>
{
    private const int Seed = 20240611;

    [Fact]
    public void Read_TenThousandMutations_AreReadOrRefused()
    {
        output.WriteLine($"seed {Seed}");
        var mutation = new JsonMutation(Seed);
        var read = 0;
        for (var i = 0; i < 10_000; i++)
        {
            var (path, body) = mutation.Next();
            try
            {
                Read(path, body);
                read++;
            }
            catch (RequestRejectedException e)
            {
                Assert.InRange(e.Error.Status, 400, 499);
                Assert.NotEmpty(e.Error.Message);
            }
            catch (Exception e)
            {
                Assert.Fail($"mutation {i} of seed {Seed} on {path}: {e}\n{Convert.ToBase64String(body)}");
            }
        }

        // Mutations that are all refused at the first byte would test nothing.
        Assert.InRange(read, 500, 9_500);
    }

    [Fact]
    public async Task Post_HundredsOfMutations_ServerAnswersEachAndGoesOn()
    {
        var mutation = new JsonMutation(Seed + 1);
        for (var i = 0; i < 400; i++)
        {
            var (path, body) = mutation.Next();
            using var content = new ByteArrayContent(body);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var response = await fixture.Server.Client.PostAsync(new Uri(path, UriKind.Relative), content);
            var text = await response.Content.ReadAsStringAsync();
            if (response.StatusCode == HttpStatusCode.OK)
                continue;
            Assert.True((int)response.StatusCode is >= 400 and < 500, $"mutation {i} of seed {Seed + 1} on {path}: {response.StatusCode} {text}");
            Assert.Equal(JsonValueKind.String, JsonElement.Parse(text).GetProperty("error").GetProperty("message").ValueKind);
        }

        await fixture.Server.WaitUntilIdleAsync();
        var (status, _) = await fixture.Server.CallAsync("/v1/completions", "{\"prompt\":\"x\"}");
        Assert.Equal(200, status);
    }

    private void Read(string path, byte[] body)
    {
        var model = fixture.Server.Model;
        using var document = JsonBody.Parse(body);
        var fields = new JsonFields(document.RootElement);
        new ServedModels([model]).Resolve(fields);
        if (path == "/v1/chat/completions")
            ChatRequest.Read(fields, model, TimeProvider.System, CancellationToken.None);
        else
            CompletionRequest.Read(fields, model);
    }

    /// <summary>Breaks good bodies: bytes flipped, cut, doubled and spliced, and values replaced by values of other kinds.</summary>
    private sealed class JsonMutation(int seed)
    {
        private static readonly (string Path, string Body)[] s_good =
        [
            ("/v1/chat/completions", """
                {"model":"echo","messages":[{"role":"system","content":"be"},{"role":"user","content":[{"type":"text","text":"h\u00e9 \ud83e\udd86"}]}],
                "temperature":0.7,"top_p":0.9,"top_k":40,"min_p":0.05,"typical_p":1,"repetition_penalty":1.1,"presence_penalty":0.5,
                "frequency_penalty":-0.5,"n":2,"max_completion_tokens":8,"seed":7,"stop":["a","b"],"logit_bias":{"5":-10,"9":3.5},
                "logprobs":true,"top_logprobs":3,"stream":false,"stop_token_ids":[1,2],"min_tokens":1,"ignore_eos":false,
                "chat_template_kwargs":{"thinking":true},"user":"u","response_format":{"type":"text"},"modalities":["text"],"tools":[]}
                """),
            ("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true},"max_tokens":5}"""),
            ("/v1/completions", """{"prompt":"once upon","max_tokens":4,"logprobs":2,"echo":true,"best_of":2,"n":1,"stop":"z"}"""),
            ("/v1/completions", """{"prompt":[[97,98],[99]],"max_tokens":3,"stream":true}"""),
            ("/v1/completions", """{"prompt":["a","b"],"max_tokens":3,"seed":-3,"add_special_tokens":false}"""),
        ];

        private static readonly string[] s_values =
        [
            "null", "true", "\"\"", "\"x\"", "0", "-1", "1e999", "1e-999", "9223372036854775808", "-0.0", "3.5", "[]", "[[]]", "{}", "[null]",
            "{\"\":{}}", "\"\\ud800\"", "\"\\u0000\"", "[1,\"a\",{}]", "99999999999999999999999999999999", "[[1],[\"a\"]]", "{\"type\":5}",
        ];

        private readonly Random _random = new(seed);

        public (string Path, byte[] Body) Next()
        {
            var (path, good) = s_good[_random.Next(s_good.Length)];
            var body = new List<byte>(Encoding.UTF8.GetBytes(good));
            for (var count = _random.Next(1, 4); count > 0; count--)
            {
                switch (_random.Next(6))
                {
                    case 0:
                        body[_random.Next(body.Count)] ^= (byte)(1 << _random.Next(8));
                        break;
                    case 1:
                        body.RemoveRange(_random.Next(body.Count), 1);
                        break;
                    case 2:
                        body.Insert(_random.Next(body.Count), (byte)_random.Next(256));
                        break;
                    case 3 when _random.Next(4) == 0:
                        body.RemoveRange(body.Count / 2, _random.Next(body.Count / 2));
                        break;
                    default:
                        ReplaceValue(body);
                        break;
                }
            }

            return (path, [.. body]);
        }

        /// <summary>Puts a value of another kind after a colon or a comma, so that the body often stays well-formed JSON.</summary>
        private void ReplaceValue(List<byte> body)
        {
            var start = body.IndexOf((byte)':', _random.Next(body.Count));
            if (start < 0)
                return;
            var end = start + 1;
            var depth = 0;
            var quoted = false;
            for (; end < body.Count; end++)
            {
                var b = body[end];
                if (quoted)
                {
                    if (b == '\\')
                        end++;
                    else if (b == '"')
                        quoted = false;
                    continue;
                }

                if (b == '"')
                    quoted = true;
                else if (b is (byte)'[' or (byte)'{')
                    depth++;
                else if ((b is (byte)']' or (byte)'}' && --depth < 0) || (b == ',' && depth == 0))
                    break;
            }

            body.RemoveRange(start + 1, Math.Min(end, body.Count) - start - 1);
            body.InsertRange(start + 1, Encoding.UTF8.GetBytes(s_values[_random.Next(s_values.Length)]));
        }
    }
}
