using System.Text.Json;
using System.Text.Json.Nodes;
using Fathom.Models.ChatTemplates;

namespace Fathom.Models.Tests.ChatTemplates;

/// <summary>The public face: variables in, text or a located error out.</summary>
public sealed class ChatTemplateTests
{
    [Fact]
    public void Render_PropertiesOfTheInput_AreVariables()
    {
        var input = new ChatTemplateInput
        {
            Messages = [new JsonObject { ["role"] = "user", ["content"] = "hi" }],
            Tools = [new JsonObject { ["name"] = "f" }],
            AddGenerationPrompt = true,
            BeginOfSequence = "<s>",
            EndOfSequence = "</s>",
        };
        Assert.Equal("<s>hi f True</s>", Render(
            "{{ bos_token }}{{ messages[0].content }} {{ tools[0].name }} {{ add_generation_prompt }}{{ eos_token }}", input));
    }

    [Fact]
    public void Render_PropertyLeftNull_IsUndefinedAndAVariableSetToNullIsNone()
    {
        Assert.Equal("False False", Render("{{ tools is defined }} {{ bos_token is defined }}", new ChatTemplateInput()));
        var withNone = new ChatTemplateInput { Variables = new Dictionary<string, object?> { ["tools"] = null } };
        Assert.Equal("True", Render("{{ tools is none }}", withNone));
    }

    [Fact]
    public void Render_ClrValues_BecomeTemplateValues()
    {
        var input = new ChatTemplateInput
        {
            Variables = new Dictionary<string, object?>
            {
                ["text"] = "t",
                ["yes"] = true,
                ["small"] = (short)-3,
                ["big"] = ulong.MaxValue,
                ["real"] = 1.0,
                ["money"] = 2.5m,
                ["list"] = new[] { 1, 2 },
                ["map"] = new Dictionary<string, object?> { ["k"] = new List<object?> { null, "v" } },
                ["node"] = JsonNode.Parse("{\"a\":[1.0,1e2,12345678901234567890123]}"),
                ["element"] = JsonDocument.Parse("{\"x\":null}").RootElement,
            },
        };
        Assert.Equal(
            "['t', True, -3, 18446744073709551615, 1.0, 2.5, [1, 2], {'k': [None, 'v']}, {'a': [1.0, 100.0, 12345678901234567890123]}, {'x': None}]",
            Render("{{ [text, yes, small, big, real, money, list, map, node, element] }}", input));
    }

    [Fact]
    public void Render_KeysOfAnObject_KeepTheirOrder()
    {
        var input = ChatTemplateInput.FromJson(JsonNode.Parse("{\"o\":{\"z\":1,\"a\":2,\"m\":3}}")!.AsObject());
        Assert.Equal("{\"z\": 1, \"a\": 2, \"m\": 3}", Render("{{ o|tojson }}", input));
    }

    [Fact]
    public void Render_TemplateThatChangesItsInput_LeavesTheCallersValuesAlone()
    {
        var messages = new JsonArray(new JsonObject { ["role"] = "user" });
        var input = new ChatTemplateInput { Messages = messages };
        var template = ChatTemplate.Parse("{{ messages.append(1) }}{{ messages[0].update({'role': 'x'}) }}{{ messages|length }}");
        Assert.Equal("NoneNone2", template.Render(input));
        Assert.Equal("NoneNone2", template.Render(input));
        Assert.Equal("[{\"role\":\"user\"}]", messages.ToJsonString());
    }

    [Fact]
    public void Render_RaiseException_GivesTheTemplatesOwnTextAndLine()
    {
        var error = Fails("a\n{%- if true %}\n\n{{ raise_exception('Roles must\nalternate') }}{% endif %}");
        Assert.Equal(ChatTemplateErrorKind.Raised, error.Kind);
        Assert.Equal("Roles must\nalternate", error.Reason);
        Assert.Equal(4, error.Line);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Contains("line 4", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\n\n{{ x.y }}", 3, "'x' is undefined")]
    [InlineData("{% set a = 1 %}\n{{ a\n + 'b' }}", 3, "unsupported operand type(s) for +: 'int' and 'str'")]
    [InlineData("{{ {\n'a': 1}.b.c }}", 2, "'dict object' has no attribute 'b'")]
    [InlineData("{% macro m() %}\n{{ 1/0 }}{% endmacro %}\n\n{{ m() }}", 2, "division by zero")]
    [InlineData("\n{{ 1|nothing }}", 2, "No filter named 'nothing'.")]
    [InlineData("{# a\nb #}\n{{ none.x.y }}", 3, "'None' has no attribute 'x'")]
    public void Render_FailedOperation_NamesItsLine(string template, int line, string reason)
    {
        var error = Fails(template);
        Assert.Equal(ChatTemplateErrorKind.Evaluation, error.Kind);
        Assert.Equal((line, reason), (error.Line, error.Reason));
    }

    [Theory]
    [InlineData("\n{% if x %}", 2)]
    [InlineData("\n\n{{ 'abc }}", 3)]
    [InlineData("{{ 1\n\n+ }}", 3)]
    [InlineData("a\n{% nosuchtag %}", 2)]
    [InlineData("\n{# never ends", 2)]
    [InlineData("{% raw %}\n", 1)]
    public void Parse_Malformed_NamesItsLine(string template, int line)
    {
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(template));
        Assert.Equal((ChatTemplateErrorKind.Syntax, line), (error.Kind, error.Line));
    }

    [Fact]
    public void Render_ValuesWithoutCounterpart_AreInputErrors()
    {
        object?[] values = [new object(), new Dictionary<int, int> { [1] = 2 }, JsonNode.Parse("\"\\ud800\""), JsonNode.Parse("{\"a\":1,\"a\":2}")];
        foreach (var value in values)
        {
            var input = new ChatTemplateInput { Variables = new Dictionary<string, object?> { ["v"] = value } };
            var error = Assert.Throws<ChatTemplateException>(() => Render("x", input));
            Assert.Equal((ChatTemplateErrorKind.Input, 0), (error.Kind, error.Line));
        }
    }

    [Fact]
    public void Render_SurrogatePairsInAnyFormOfInput_CountAsOneCharacter()
    {
        var input = ChatTemplateInput.FromJson(JsonNode.Parse("{\"s\":\"\\ud83d\\ude00é\"}")!.AsObject());
        Assert.Equal("2 😀 é é😀 1", Render("{{ s|length }} {{ s[0] }} {{ s[1:] }} {{ s[::-1] }} {{ s.find('é') }}", input));
    }

    [Fact]
    public void Render_OneTemplateOnManyThreads_GivesEachItsOwnText()
    {
        var template = ChatTemplate.Parse("{% set ns = namespace(n=0) %}{% for i in range(500) %}{% set ns.n = ns.n + k %}{% endfor %}{{ ns.n }}");
        Parallel.For(0, 32, k => Assert.Equal((500 * k).ToString(System.Globalization.CultureInfo.InvariantCulture), template.Render(
            new ChatTemplateInput { Variables = new Dictionary<string, object?> { ["k"] = k } })));
    }

    [Fact]
    public void Render_FromJsonFilter_ReadsArgumentsThatAreText()
    {
        Assert.Equal("[1, 'x']", Render("{{ ('{\"a\": [1, \"x\"]}'|from_json).a }}", new ChatTemplateInput()));
        Assert.Equal(ChatTemplateErrorKind.Evaluation, Fails("{{ '{'|from_json }}").Kind);
    }

    [Fact]
    public void Render_BreakInsideASetBlock_LeavesTheLoopWithoutSetting() =>
        Assert.Equal("1|", Render("{% for x in [1, 2] %}{{ x }}{% set y %}t{% break %}{% endset %}{{ y }}{% endfor %}|{{ y }}", new ChatTemplateInput()));

    private static string Render(string template, ChatTemplateInput input) => ChatTemplate.Parse(template).Render(input);

    private static ChatTemplateException Fails(string template) =>
        Assert.Throws<ChatTemplateException>(() => Render(template, new ChatTemplateInput()));
}
