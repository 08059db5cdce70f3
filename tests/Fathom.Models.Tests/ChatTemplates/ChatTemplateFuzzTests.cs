using System.Text;
using System.Text.Json.Nodes;
using Fathom.Models.ChatTemplates;

namespace Fathom.Models.Tests.ChatTemplates;

/// <summary>Mutated templates: they render or fail with a <see cref="ChatTemplateException"/>, nothing else.</summary>
public sealed class ChatTemplateFuzzTests
{
    private const int Mutations = 10_000;
    private const int Seed = 20260102;

    private static readonly string[] Fragments =
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "(", ")", "[", "]", "{", "}", "|", ".", ",", ":", "~", "*", "**", "//", "%",
        "'", "\"", "\\", "\n", " ", "0", "1", "-1", "99999", "1e308", "0x", " in ", " is ", " not ", " and ", " if ", " else ",
        "{% for x in ", "{% endfor %}", "{% if ", "{% endif %}", "{% set x = ", "{% macro m(a) %}", "{% endmacro %}", "{{ m(", "loop",
        "loop.index", "caller()", "varargs", "messages", "messages[0]", ".content", "['role']", ".append(messages)", ".items()",
        "|tojson", "|join", "|map('upper')", "|select", "|list", "|sort", "|string", "|groupby('role')", "|batch(2)", "|int", "|trim",
        "namespace(a=1)", "range(5)", "recursive", "{% break %}", "{% continue %}", "{% call m() %}", "{% endcall %}", "{% raw %}",
        "{% endraw %}", "{% filter upper %}", "{% endfilter %}", "{% generation %}", "{% endgeneration %}", "\u00e9", "\ud83d\ude00", "\ud800", "\0",
    ];

    [Fact]
    public void ParseAndRender_TenThousandMutations_FailOnlyWithChatTemplateException()
    {
        var random = new Random(Seed);
        var corpus = JinjaCaseTests.Templates.Concat(RealTemplateTests.Sources()).Where(source => source.Length < 6000).ToArray();
        var input = FuzzInput();
        var rendered = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var source = Mutate(corpus, random);
            try
            {
                ChatTemplate.Parse(source).Render(input);
                rendered++;
            }
            catch (ChatTemplateException)
            {
                // The only way to fail.
            }
            catch (Exception error)
            {
                Assert.Fail($"seed {Seed}, mutation {i}: {error}\n{source}");
            }
        }
        // The mutations must reach the evaluator, not only the parser.
        Assert.True(rendered > Mutations / 10, $"only {rendered} mutations rendered");
    }

    private static string Mutate(string[] corpus, Random random)
    {
        var text = new StringBuilder(corpus[random.Next(corpus.Length)]);
        for (var edits = 1 + random.Next(3); edits > 0; edits--)
        {
            var at = random.Next(text.Length + 1);
            var length = Math.Min(random.Next(12), text.Length - at);
            switch (random.Next(5))
            {
                case 0:
                    text.Insert(at, Fragments[random.Next(Fragments.Length)]);
                    break;
                case 1:
                    text.Remove(at, length);
                    break;
                case 2:
                    text.Remove(at, length).Insert(at, Fragments[random.Next(Fragments.Length)]);
                    break;
                case 3:
                    text.Insert(at, text.ToString(at, length));
                    break;
                default:
                    var other = corpus[random.Next(corpus.Length)];
                    var from = random.Next(other.Length + 1);
                    text.Insert(at, other.AsSpan(from, Math.Min(random.Next(60), other.Length - from)));
                    break;
            }
        }
        return text.ToString();
    }

    private static ChatTemplateInput FuzzInput()
    {
        var variables = JinjaCaseTests.Variables.DeepClone().AsObject();
        variables["messages"] = JsonNode.Parse(
            """[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"a","tool_calls":[{"id":"call00001","function":{"name":"f","arguments":{"x":1}}}]},{"role":"tool","content":"t","tool_call_id":"call00001"}]""");
        variables["tools"] = JsonNode.Parse("""[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"x":{"type":"integer"}}}}}]""");
        variables["add_generation_prompt"] = true;
        variables["bos_token"] = "<s>";
        variables["eos_token"] = "</s>";
        return new ChatTemplateInput
        {
            Variables = variables.ToDictionary(pair => pair.Key, pair => (object?)pair.Value),
            Clock = new FixedClock(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)),
            Limits = new ChatTemplateLimits { StepsMax = 20_000, OutputCharactersMax = 100_000, TextCharactersMax = 1_000_000, DepthMax = 50 },
        };
    }
}
